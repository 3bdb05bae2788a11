//! Which outline does a garment have? What all upper bodies share; dresses, shirts, trousers and skirts.
//!
//! The title decides the cut (wrap, roll-neck, pleated, ...), so that the picture shows what the words say;
//! lengths and widths vary a little by chance.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    drawing::{Drawing, Tones, mirrored},
    drawing_outerwear::{coat, jacket, knit},
    wardrobe::{Department, Kind, Piece},
};

/// Measures of an upper body with sleeves; x counts from the middle.
pub struct Cut {
    pub top: i32,
    pub shoulder: i32,
    pub cuff: [i32; 2],
    pub sleeve_width: i32,
    pub waist: [i32; 2],
    pub hem: [i32; 2],
    /// How far the middle of the hem hangs below its sides.
    pub drop: i32,
}

impl Cut {
    pub fn outline(&self) -> String {
        let Self { top, shoulder, cuff: [cuff_x, cuff_y], sleeve_width, waist, hem, drop } = *self;
        let armpit = [shoulder - 6, top + 82];
        let inner = [cuff_x - sleeve_width, cuff_y + 4];
        mirrored(&[
            [24, top, 24, top],
            [shoulder - 24, top + 6, shoulder, top + 15],
            [shoulder + 19, top + 24, shoulder + 23, top + 60],
            [(shoulder + 23 + cuff_x) / 2, (top + 80 + cuff_y) / 2, cuff_x, cuff_y],
            [inner[0], inner[1], inner[0], inner[1]],
            [inner[0] - 5, (armpit[1] + inner[1]) / 2, armpit[0], armpit[1]],
            [waist[0] - 1, waist[1] - 36, waist[0], waist[1]],
            [waist[0] + 5, (waist[1] + hem[1]) / 2, hem[0], hem[1]],
            [hem[0] / 2, hem[1] + drop, 0, hem[1] + drop],
        ])
    }

    /// Seams where the sleeves are set in.
    pub fn armholes(&self) -> String {
        let Self { top, shoulder, .. } = *self;
        format!(
            "M{} {}q-8 36-4 62M{} {}q8 36 4 62",
            150 + shoulder - 2,
            top + 20,
            150 - shoulder + 2,
            top + 20
        )
    }
}

pub fn draw(random: &mut ChaCha8Rng, piece: &Piece, tones: &Tones) -> Drawing {
    let title = piece.item.title.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| title.contains(word));
    let wide = if piece.department == Department::Men { 5 } else { 0 };
    match piece.kind {
        Kind::Coat => coat(random, &has, tones, wide),
        Kind::Jacket => jacket(random, &has, tones, wide),
        Kind::Knit => knit(random, &has, tones, wide),
        Kind::Dress => dress(random, &has, tones),
        Kind::Shirt => shirt(random, &has, tones, wide),
        Kind::Trousers => trousers(random, &has, tones),
        _ => skirt(random, &has, tones),
    }
}

/// Buttons in one or two rows: `x` of each row, first height, distance and number.
pub fn buttons(tones: &Tones, rows: &[i32], from: i32, step: i32, count: i32) -> String {
    let dots: String = rows
        .iter()
        .flat_map(|x| (0..count).map(move |number| format!("M{x} {}h0", from + step * number)))
        .collect();
    format!(r#"<path d="{dots}" stroke="{}" stroke-width="6" stroke-linecap="round"/>"#, tones.seam)
}

pub fn fill(path: &str, tone: &str) -> String {
    format!(r#"<path d="{path}" fill="{tone}"/>"#)
}

/// The inside of the back, seen through the neckline.
pub fn back_of_neck(top: i32, tones: &Tones) -> String {
    fill(&format!("M124 {top}Q150 {} 176 {top}L150 {}Z", top - 13, top + 30), &tones.darker)
}

/// Notched lapels that meet at `meet`, over a dark opening.
pub fn lapels(top: i32, meet: i32, width: i32, tone: &str, tones: &Tones) -> String {
    let opening =
        fill(&format!("M127 {}L150 {meet}L173 {}Q150 {} 127 {}Z", top, top, top - 8, top), &tones.darker);
    let notch = top + (meet - top) / 3;
    let right = format!("M150 {meet}L{} {notch}l{} -9L174 {}L168 {}Z", 174 + width, -width, top - 3, top - 1);
    let left = format!("M150 {meet}L{} {notch}l{} -9L126 {}L132 {}Z", 126 - width, width, top - 3, top - 1);
    format!(
        r#"{opening}<path d="{left}{right}" fill="{tone}" stroke="{}" stroke-width="2" stroke-linejoin="round"/>"#,
        tones.seam
    )
}

/// A ribbed band along `path`.
pub fn ribs(tones: &Tones, path: &str, width: i32) -> String {
    format!(
        r#"<path d="{path}" fill="none" stroke="{}" stroke-width="{width}" stroke-dasharray="2 4" opacity=".55"/>"#,
        tones.seam
    )
}

/// A pointed shirt collar with the dark inside of the neck.
pub fn collar(top: i32, tones: &Tones) -> String {
    format!(
        concat!(
            r#"<path d="M127 {a}Q150 {b} 173 {a}L150 {c}Z" fill="{inside}"/>"#,
            r#"<path d="M127 {a}L150 {c}L130 {d}L117 {e}ZM173 {a}L150 {c}L170 {d}L183 {e}Z" fill="{tone}" stroke="{inside}"/>"#
        ),
        a = top - 4,
        b = top - 12,
        c = top + 20,
        d = top + 42,
        e = top + 14,
        inside = tones.darker,
        tone = tones.light
    )
}

fn dress(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let hem_y = if has(&["gown", "long-sleeved", "slip"]) {
        366
    } else if has(&["cocktail", "shift", "polo", "parka", "pinafore"]) {
        300
    } else {
        330
    };
    let hem_y = hem_y + random.random_range(-4..=4);
    let is_full = has(&["tea", "summer", "tiered", "shirt dress", "cocktail", "chiffon", "wrap", "apron"]);
    let hem = if is_full {
        88
    } else if has(&["shift", "pinafore", "parka", "safari"]) {
        66
    } else {
        54
    };
    let top = 52;
    let has_sleeves = has(&["shirt dress", "velvet", "polo", "long-sleeved", "safari", "parka", "sequin"]);
    let outline = if has_sleeves {
        let cuff_y = top + if has(&["shirt dress", "polo", "safari"]) { 92 } else { 178 };
        let cuff_x = if cuff_y < 200 { 92 } else { 96 };
        Cut {
            top,
            shoulder: 62,
            cuff: [cuff_x, cuff_y],
            sleeve_width: 26,
            waist: [44, top + 130],
            hem: [hem, hem_y],
            drop: 8,
        }
        .outline()
    } else {
        let mut half = if has(&["slip", "gown", "cocktail"]) {
            vec![[0, 104, 0, 104], [14, 84, 34, 92], [40, 108, 46, 118]]
        } else {
            vec![[20, top, 20, top], [42, 58, 42, 58], [32, 96, 50, 122]]
        };
        half.extend([[46, 150, 39, 182], [52, 230, hem, hem_y], [hem / 2, hem_y + 10, 0, hem_y + 10]]);
        mirrored(&half)
    };
    let mut front = String::new();
    let mut behind = String::new();
    let mut lines = String::new();
    if has(&["shirt dress", "safari", "polo", "parka"]) {
        front += &collar(top, tones);
        lines += &format!("M150 {}V{hem_y}", top + 20);
        front += &buttons(tones, &[150], top + 50, 34, if has(&["polo"]) { 2 } else { 7 });
        behind += &back_of_neck(top, tones);
    } else if has(&["wrap"]) {
        front += &fill("M126 50L154 128L174 50Q150 42 126 50Z", &tones.darker);
        lines += "M174 52L122 176M146 186Q128 260 126 330";
    } else if has_sleeves {
        front += &fill("M126 52Q150 92 174 52Q150 42 126 52Z", &tones.darker);
    } else if has(&["one-shoulder"]) {
        behind +=
            &format!(r#"<path d="M116 100Q152 92 166 54L186 58Q190 84 186 100Z" fill="{}"/>"#, tones.dark);
    } else if has(&["slip", "gown", "cocktail"]) {
        behind +=
            &format!(r#"<path d="M118 96L128 44M182 96L172 44" stroke="{}" stroke-width="3"/>"#, tones.dark);
    } else {
        front += &fill("M129 51Q150 98 171 51Z", &tones.darker);
        behind += &back_of_neck(top, tones);
    }
    if has(&["tiered"]) {
        lines += "M100 226Q150 238 200 226M84 280Q150 294 216 280";
    } else if is_full || has(&["pleated"]) {
        lines += &format!(
            "M134 194L112 {0}M166 194L188 {0}M150 190V{0}M122 192L84 {1}M178 192L216 {1}",
            hem_y,
            hem_y - 12
        );
    } else {
        lines += &format!("M136 200Q128 270 134 {0}M170 210Q174 280 168 {0}", hem_y - 14);
    }
    if has(&["belt", "safari", "tea", "garden", "pinafore", "drawstring"]) {
        front +=
            &format!(r#"<path d="M109 177Q150 186 191 177v11Q150 197 109 188z" fill="{}"/>"#, tones.darker);
    }
    if has(&["sequin", "lace", "broderie"]) {
        front += &format!(
            r#"<path d="M120 130H180M116 160H184M112 214H188M108 246H192M104 278H196" stroke="{}" stroke-width="3" stroke-linecap="round" stroke-dasharray="0 11"/>"#,
            tones.light
        );
    }
    Drawing { behind, outline, lines, front, shadow: [382, 66] }
}

fn shirt(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones, wide: i32) -> Drawing {
    let top = 88;
    let is_short_sleeved = has(&["camp", "resort", "beach"]);
    let hem_y = 292 + random.random_range(-6..=6);
    let cut = Cut {
        top,
        shoulder: 68 + wide,
        cuff: if is_short_sleeved { [98 + wide, top + 92] } else { [106 + wide, top + 186] },
        sleeve_width: if has(&["victorian", "organza", "pussy"]) { 31 } else { 26 },
        waist: [56 + wide, top + 128],
        hem: [60 + wide, hem_y],
        drop: if is_short_sleeved { 2 } else { 24 },
    };
    let mut front = String::new();
    let mut lines = cut.armholes();
    let end = hem_y + cut.drop;
    if !is_short_sleeved {
        let y = top + 170;
        lines += &format!("M{} {y}l23 4M{} {y}l-23 4", 46 - wide, 254 + wide);
    }
    if has(&["tunic", "charmeuse"]) {
        front += &fill("M125 88L150 152L175 88Q150 78 125 88Z", &tones.darker);
        lines += "M150 152V300";
    } else if has(&["band-collar", "victorian", "bib"]) {
        front += &format!(
            r#"<path d="M126 90Q150 108 174 90V80Q150 92 126 80Z" fill="{}" stroke="{}"/>"#,
            tones.light, tones.darker
        );
        lines += &format!("M150 102V{end}");
    } else {
        front += &collar(top, tones);
        lines += &format!("M145 122V{end}M156 122V{end}");
    }
    if has(&["pussy"]) {
        front += &format!(
            r#"<path d="M150 112l-30-12q-4 16 2 28zM150 112l30-12q4 16-2 28zM148 112l-16 70 14 2 6-70zM152 112l18 60-13 4-9-60z" fill="{}" stroke="{}"/>"#,
            tones.light, tones.darker
        );
    } else {
        front += &buttons(tones, &[150], top + 64, 30, 5).replace("\"6\"", "\"4\"");
    }
    if has(&["ruffled", "bib"]) {
        lines += "M136 108V196M128 110V190M164 108V196M172 110V190";
    } else if has(&["stripe"]) {
        lines += "M104 116V290M120 124V296M180 124V296M196 116V290";
    } else if has(&["western", "weekend", "camp", "resort", "oxford"]) {
        lines += "M172 158h22v24l-11 6-11-6z";
    } else if has(&["paisley"]) {
        lines += "M110 150q12 2 6 16M190 170q-14 4-6 18M112 220q12 2 6 16M188 240q-14 4-6 18";
    }
    Drawing { behind: back_of_neck(top, tones), outline: cut.outline(), lines, front, shadow: [354, 78] }
}

fn trousers(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let is_wide = has(&["wide", "palazzo", "paperbag"]);
    let is_slim = has(&["cigarette", "leggings", "tapered", "slim", "jodhpur", "joggers"]);
    let hem_y = if has(&["cropped", "cigarette"]) { 336 } else { 358 } + random.random_range(-4..=4);
    let (outer, inner) = if is_wide {
        (84, 24)
    } else if is_slim {
        (50, 20)
    } else {
        (62, 18)
    };
    let outer = if has(&["flared"]) { 76 } else { outer };
    let knee = if has(&["flared"]) { 48 } else { (outer + 62) / 2 };
    let outline = mirrored(&[
        [42, 52, 42, 52],
        [44, 70, 44, 70],
        [60, 112, 61, 160],
        [knee + 2, 250, outer, hem_y],
        [inner, hem_y, inner, hem_y],
        [9, 240, 0, 172],
    ]);
    let mut lines = "M106 70H194M150 70V128Q148 142 134 144".to_owned();
    let mut front = String::new();
    if has(&["jeans"]) {
        lines += "M112 74Q114 98 96 104M188 74Q186 98 204 104M130 54v14M170 54v14";
        front += &buttons(tones, &[150], 62, 0, 1);
    } else if has(&["joggers", "paperbag"]) {
        lines += "M118 54v14M134 54v14M166 54v14M182 54v14";
        front += &format!(
            r#"<path d="M147 64l-8 44M153 64l8 40" stroke="{}" stroke-width="4" stroke-linecap="round"/>"#,
            tones.light
        );
    } else {
        let x = (outer + inner) / 2;
        lines += &format!(
            "M122 92Q{0} 220 {0} {1}M178 92Q{2} 220 {2} {1}M104 78L94 112M196 78L206 112",
            150 - x,
            hem_y - 6,
            150 + x
        );
        front += &buttons(tones, &[154], 61, 0, 1);
    }
    if has(&["satin stripe"]) {
        front += &format!(
            r#"<path d="M104 80Q86 200 90 {hem_y}M196 80Q214 200 210 {hem_y}" fill="none" stroke="{}" stroke-width="5"/>"#,
            tones.light
        );
    }
    Drawing { outline, lines, front, shadow: [376, 88], ..Drawing::default() }
}

fn skirt(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let is_mini = has(&["mini", "tennis", "denim"]);
    let is_narrow = has(&["pencil", "column", "maxi"]);
    let top = if is_mini { 126 } else { 82 };
    let hem_y = if is_mini {
        268
    } else if has(&["maxi", "ballet", "column"]) {
        360
    } else {
        322
    } + random.random_range(-4..=4);
    let hem = if is_narrow {
        52
    } else if has(&["ballet", "sunray"]) {
        104
    } else {
        84
    };
    let outline = mirrored(&[
        [38, top, 38, top],
        [40, top + 18, 40, top + 18],
        [60, top + 60, hem, hem_y],
        [hem / 2, hem_y + 14, 0, hem_y + 14],
    ]);
    let mut lines = format!("M110 {0}H190", top + 18);
    let low = hem_y + 2;
    if has(&["pleated", "kilt", "ballet"]) {
        for x in [-3, -2, -1, 0, 1, 2, 3] {
            lines += &format!("M{} {}L{} {low}", 150 + x * 10, top + 22, 150 + x * hem / 4);
        }
    } else if has(&["wrap"]) {
        lines += &format!("M182 {}Q150 {} 132 {low}", top + 20, top + 120);
    } else {
        lines += &format!("M134 {0}Q126 {1} 128 {low}M166 {0}Q174 {1} 172 {low}", top + 24, top + 90);
        if is_narrow {
            lines += &format!("M150 {}V{}", hem_y - 60, hem_y + 12);
        }
    }
    let mut front = String::new();
    if has(&["wrap", "kilt", "denim", "a-line"]) {
        front += &buttons(
            tones,
            &[if has(&["wrap", "kilt"]) { 178 } else { 150 }],
            top + 9,
            28,
            if is_mini { 4 } else { 1 },
        );
    }
    Drawing { outline, lines, front, shadow: [(hem_y + 44).min(380), hem - 8], ..Drawing::default() }
}
