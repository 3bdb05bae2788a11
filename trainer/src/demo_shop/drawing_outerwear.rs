//! Which outline do coats, jackets and knitwear have?

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    drawing::{Drawing, Tones},
    drawing_garments::{Cut, back_of_neck, buttons, collar, fill, lapels, ribs},
};

pub fn coat(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones, wide: i32) -> Drawing {
    let is_short = has(&["peacoat", "duffle", "parka", "aviator", "car coat"]);
    let is_long = has(&["maxi", "long", "opera", "duster", "redingote"]);
    let hem_y = if is_short {
        300
    } else if is_long {
        362
    } else {
        336
    } + random.random_range(-4..=4);
    let top = if is_short { 62 } else { 44 };
    let is_belted = has(&["wrap", "belted", "safari"]);
    let flare = if has(&["swing", "cocoon", "opera", "redingote"]) { 92 } else { 74 };
    let waist = if is_belted { 54 } else { 62 };
    let cut = Cut {
        top,
        shoulder: 70 + wide,
        cuff: [104 + wide, top + 196],
        sleeve_width: 25,
        waist: [waist + wide, top + 150],
        hem: [flare + wide, hem_y],
        drop: 8,
    };
    let end = hem_y + 6;
    let pocket_y = top + 196;
    let mut front = String::new();
    let mut lines = cut.armholes();
    let collar_tone = if has(&["velvet collar", "satin lapels", "dinner", "shearling", "opera"]) {
        &tones.darker
    } else {
        &tones.dark
    };
    if has(&["hooded", "parka", "quilted", "duffle"]) {
        front += &fill(
            &format!(
                "M118 {0}Q112 {1} 150 {1}Q188 {1} 182 {0}Q150 {2} 118 {0}Z",
                top + 12,
                top - 34,
                top + 48
            ),
            &tones.dark,
        );
        front += &fill(
            &format!(
                "M128 {0}Q126 {1} 150 {1}Q174 {1} 172 {0}Q150 {2} 128 {0}Z",
                top + 8,
                top - 24,
                top + 32
            ),
            &tones.darker,
        );
        lines += &format!("M150 {}V{end}", top + 36);
        if has(&["duffle"]) {
            front += &format!(
                r#"<path d="M134 {0}h32M134 {1}h32M134 {2}h32" stroke="{3}" stroke-width="5" stroke-linecap="round"/>"#,
                top + 84,
                top + 124,
                top + 164,
                tones.darker
            );
        }
    } else if has(&["collarless"]) {
        front += &fill(
            &format!("M126 {top}Q150 {} 174 {top}Q150 {} 126 {top}Z", top + 44, top - 10),
            &tones.darker,
        );
        lines += &format!("M150 {}V{end}", top + 24);
        front += &buttons(tones, &[150], top + 50, 44, 4);
    } else {
        let meet = top + if is_belted { 110 } else { 92 };
        front += &lapels(top, meet, 18, collar_tone, tones);
        lines += &format!("M150 {meet}Q{} {} 148 {end}", if is_belted { 138 } else { 150 }, meet + 90);
        if has(&["peacoat", "trench", "polo", "redingote", "aviator"]) {
            front += &buttons(tones, &[134, 166], meet + 14, 36, 3);
        } else if !is_belted {
            front += &buttons(tones, &[156], meet + 16, 38, 3);
        }
    }
    lines += &format!("M{} {pocket_y}l22-5M{} {pocket_y}l-22-5", 93 - wide, 207 + wide);
    if is_belted {
        let y = top + 142;
        front += &format!(
            r#"<path d="M{} {y}H{}v15H{0}zM142 {y}l-12 62 13 3 12-62zM152 {y}l14 52-12 5-10-50z" fill="{}" stroke="{}"/>"#,
            95 - wide,
            205 + wide,
            tones.dark,
            tones.seam
        );
    }
    Drawing { behind: back_of_neck(top, tones), outline: cut.outline(), lines, front, shadow: [378, 92] }
}

pub fn jacket(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones, wide: i32) -> Drawing {
    let is_cropped =
        has(&["cropped", "bolero", "biker", "bomber", "bouclé", "racer", "smoking jacket for her"]);
    let top = if is_cropped { 106 } else { 84 };
    let hem_y = top + if is_cropped { 166 } else { 208 } + random.random_range(-4..=4);
    let boxy = has(&["overshirt", "chore", "bomber", "safari", "denim", "bouclé"]);
    let waist = if boxy { 62 } else { 54 };
    let cut = Cut {
        top,
        shoulder: 70 + wide,
        cuff: [102 + wide, top + if is_cropped { 172 } else { 192 }],
        sleeve_width: 24,
        waist: [waist + wide, top + 140],
        hem: [if has(&["peplum"]) { 78 } else { 64 } + wide, hem_y],
        drop: if is_cropped { 2 } else { 8 },
    };
    let mut lines = cut.armholes();
    let mut front = String::new();
    let end = hem_y + 3;
    if has(&["bomber", "biker", "racer"]) {
        front += &fill(
            &format!(
                "M124 {top}Q150 {} 176 {top}L172 {}Q150 {} 128 {}Z",
                top - 12,
                top + 16,
                top + 30,
                top + 16
            ),
            &tones.dark,
        );
        let lean = if has(&["biker"]) { 26 } else { 0 };
        lines +=
            &format!("M{} {}L{} {end}M100 {1}l14 44M200 {1}l-14 44", 150 + lean, top + 22, 150 - lean / 2);
        if has(&["bomber"]) {
            front += &ribs(tones, &format!("M{} {}H{}", 88 - wide, hem_y - 5, 212 + wide), 13);
        }
    } else if has(&["overshirt", "chore", "safari", "denim"]) {
        front += &collar(top, tones);
        lines += &format!("M150 {}V{end}M104 {1}h32v30h-32zM164 {1}h32v30h-32z", top + 22, top + 74);
        front += &buttons(tones, &[150], top + 44, 32, 5);
    } else if has(&["bouclé", "bolero"]) {
        let trim = format!(
            "M124 {0}Q140 {1} 146 {2}V{3}M176 {0}Q160 {1} 154 {2}V{3}",
            top,
            top + 10,
            top + 44,
            end - 4
        );
        front += &fill(
            &format!("M124 {top}Q150 {} 176 {top}L152 {1}V{end}H148V{1}Z", top - 10, top + 44),
            &tones.darker,
        );
        front += &format!(
            r#"<path d="{trim}M98 {0}h34M168 {0}h34" fill="none" stroke="{1}" stroke-width="6" stroke-dasharray="4 2"/>"#,
            top + 104,
            tones.darker
        );
    } else {
        let is_double = has(&["double-breasted"]);
        let is_shawl = has(&["shawl", "smoking", "dinner"]);
        let meet = top + if is_shawl { 128 } else { 104 };
        let tone = if is_shawl { &tones.darker } else { &tones.dark };
        front += &lapels(top, meet, if is_shawl { 10 } else { 19 }, tone, tones);
        lines += &format!("M150 {meet}Q150 {} 142 {end}", meet + 60);
        let rows: &[i32] = if is_double { &[134, 168] } else { &[153] };
        front += &buttons(
            tones,
            rows,
            meet + 10,
            30,
            if has(&["one-button", "dinner", "smoking"]) { 1 } else { 2 },
        );
        lines += &format!("M{} {}h28M{} {1}h28M178 {3}h18", 98 - wide, top + 148, 174 + wide, top + 76);
    }
    Drawing { behind: back_of_neck(top, tones), outline: cut.outline(), lines, front, shadow: [352, 78] }
}

pub fn knit(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones, wide: i32) -> Drawing {
    let top = 92;
    let hem_y = if has(&["tunic", "chunky", "boyfriend"]) { 318 } else { 292 } + random.random_range(-5..=5);
    let cut = Cut {
        top,
        shoulder: 70 + wide,
        cuff: [106 + wide, top + 186],
        sleeve_width: if has(&["chunky", "cable", "aran"]) { 30 } else { 25 },
        waist: [62 + wide, top + 140],
        hem: [62 + wide, hem_y],
        drop: 2,
    };
    let mut front = ribs(tones, &format!("M{} {1}H{2}", 89 - wide, hem_y - 6, 211 + wide), 14);
    let mut lines = cut.armholes();
    if has(&["cardigan", "twinset"]) {
        let meet = top + 84;
        front += &fill(&format!("M125 {top}L150 {meet}L175 {top}Q150 {} 125 {top}Z", top - 9), &tones.darker);
        let band = format!("M122 {top}L150 {meet}V{hem_y}M178 {top}L150 {meet}");
        let width = if has(&["shawl"]) { 16 } else { 7 };
        front += &format!(
            r#"<path d="{band}" fill="none" stroke="{}" stroke-width="{width}" stroke-linejoin="round"/>"#,
            tones.dark
        );
        front += &buttons(tones, &[150], meet + 6, 30, 4);
    } else if has(&["roll-neck"]) {
        front += &fill(
            &format!(
                "M125 {0}Q122 {1} 126 {2}Q150 {3} 174 {2}Q178 {1} 175 {0}Q150 {4} 125 {0}Z",
                top + 8,
                top - 10,
                top - 26,
                top - 34,
                top + 22
            ),
            &tones.dark,
        );
        front += &ribs(tones, &format!("M126 {0}Q150 {1} 174 {0}", top - 7, top + 5), 26);
    } else if has(&["v-neck", "low back"]) {
        front += &format!(
            r#"<path d="M125 {top}L150 {0}L175 {top}Q150 {1} 125 {top}Z" fill="{2}" stroke="{3}" stroke-width="6" stroke-linejoin="round"/>"#,
            top + 58,
            top - 10,
            tones.darker,
            tones.dark
        );
    } else if has(&["zip", "polo", "hoodie"]) {
        front += &collar(top, tones);
        lines += &format!("M150 {}v50", top + 20);
    } else {
        front += &format!(
            r#"<path d="M124 {top}Q150 {0} 176 {top}Q150 {1} 124 {top}Z" fill="{2}" stroke="{3}" stroke-width="7" stroke-linejoin="round"/>"#,
            top + 40,
            top - 10,
            tones.darker,
            tones.dark
        );
    }
    if has(&["striped", "fair isle", "cricket", "intarsia"]) {
        let y = top + 74;
        front += &format!(
            r#"<path d="M88 {0}H212M88 {1}H212M88 {2}H212" stroke="{3}" stroke-width="8" stroke-dasharray="{4}" opacity=".8"/>"#,
            y,
            y + 24,
            y + 48,
            tones.light,
            if has(&["striped", "cricket"]) { "none" } else { "8 6" }
        );
    }
    Drawing { behind: back_of_neck(top, tones), outline: cut.outline(), lines, front, shadow: [352, 80] }
}
