//! Which outline do scarves, jewels, watches, bottles and things for the home have?
//!
//! As with garments, words of the title decide the form.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    drawing::{Drawing, Tones, hex, mirrored},
    drawing_leather::{bag, boot, leather, shoe},
    wardrobe::{Kind, Piece},
};

pub const BRASS: &str = "#c6a45f";

pub const BRASS_DARK: &str = "#8d7038";

const STEEL_LIGHT: &str = "#d3d5d9";

const STEEL_DARK: &str = "#8b8f97";

pub fn draw(random: &mut ChaCha8Rng, piece: &Piece, tones: &Tones) -> Drawing {
    let title = piece.item.title.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| title.contains(word));
    match piece.kind {
        Kind::Shoe => shoe(&has, tones),
        Kind::Boot => boot(random, &has, tones),
        Kind::Bag => bag(random, &has, tones),
        Kind::Leather => leather(&has, tones),
        Kind::Scarf => scarf(random, &has, tones),
        Kind::Jewel => jewel(&has, &hex(piece.colour.tone), tones),
        Kind::Watch => watch(&has, tones),
        Kind::Fragrance => fragrance(random, tones),
        _ => home(random, &has, tones),
    }
}

pub fn stroke(path: &str, tone: &str, width: i32) -> String {
    format!(r#"<path d="{path}" fill="none" stroke="{tone}" stroke-width="{width}" stroke-linecap="round"/>"#)
}

pub fn fill(path: &str, tone: &str) -> String {
    format!(r#"<path d="{path}" fill="{tone}"/>"#)
}

fn scarf(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    if has(&["carré", "foulard"]) {
        let petals = random.random_range(4..=6);
        let flowers: String = (0..petals)
            .map(|number| {
                format!(
                    r#"<ellipse cx="150" cy="184" rx="10" ry="24" transform="rotate({} 150 214)"/>"#,
                    number * 360 / petals
                )
            })
            .collect();
        return Drawing {
            outline: "M150 96Q206 156 268 212Q206 270 150 332Q94 270 32 212Q94 156 150 96Z".into(),
            lines: "M150 116Q198 166 248 212Q198 260 150 312Q102 260 52 212Q102 166 150 116Z".into(),
            front: format!(
                r#"<g fill="{}" opacity=".85">{flowers}<circle cx="150" cy="130" r="5"/><circle cx="150" cy="298" r="5"/><circle cx="68" cy="212" r="5"/><circle cx="232" cy="212" r="5"/></g><circle cx="150" cy="214" r="9" fill="{}"/>"#,
                tones.light, tones.darker
            ),
            shadow: [346, 70],
            ..Drawing::default()
        };
    }
    let is_wide = has(&["stole", "shawl", "blanket", "oversized"]);
    let width = if is_wide { 20 } else { 0 };
    let low = 326 + random.random_range(-8..=8);
    let outline = format!(
        "M94 100Q150 52 206 100Q222 122 202 148L{0} {low}Q182 {1} {2} {low}L150 190L{3} 292Q112 298 {4} 290L98 148Q78 122 94 100Z",
        214 + width,
        low + 5,
        156,
        142,
        88 - width
    );
    let fringe = if has(&["fringed", "blanket", "chunky", "ribbed", "check", "tartan", "oversized", "shawl"])
    {
        format!(
            r#"<path d="M160 {0}H{1}M{2} 300H140" stroke="{3}" stroke-width="16" stroke-dasharray="3 3"/>"#,
            low + 10,
            210 + width,
            92 - width,
            tones.dark
        )
    } else {
        String::new()
    };
    Drawing {
        behind: fringe,
        outline,
        lines: format!(
            "M110 138Q150 168 192 138M106 122Q150 150 196 122M176 162L{} {}M192 158L{} {1}M122 160L108 284",
            178 + width / 3,
            low - 10,
            196 + width / 2
        ),
        front: fill("M108 106Q150 76 192 106Q150 138 108 106Z", &tones.darker),
        shadow: [360, 80],
    }
}

/// A ring of metal as a path with a hole.
fn annulus(x: i32, y: i32, outer: i32, inner: i32) -> String {
    format!(
        "M{0} {y}a{outer} {outer} 0 1 0 {1} 0a{outer} {outer} 0 1 0-{1} 0ZM{2} {y}a{inner} {inner} 0 1 1 {3} 0a{inner} {inner} 0 1 1-{3} 0Z",
        x - outer,
        outer * 2,
        x - inner,
        inner * 2
    )
}

fn jewel(has: &dyn Fn(&[&str]) -> bool, stone: &str, tones: &Tones) -> Drawing {
    // Cut stones as two paths, the lower one in the stone's tone and a facet of light on top.
    let gems = |places: &[[i32; 3]]| {
        let kites: String = places
            .iter()
            .map(|[x, y, size]| format!("M{x} {}l{size} {size}l-{size} {size}l-{size}-{size}Z", y - size))
            .collect();
        let facets: String = places
            .iter()
            .map(|[x, y, size]| format!("M{x} {}l{size} {size}h-{}Z", y - size, 2 * size))
            .collect();
        format!(
            r##"<path d="{kites}" fill="{stone}" stroke="{}"/><path d="{facets}" fill="#fff" opacity=".3"/>"##,
            tones.darker
        )
    };
    let gem = |x: i32, y: i32, size: i32| gems(&[[x, y, size]]);
    if has(&["earrings"]) {
        if has(&["hoop"]) {
            let outline = format!("{}{}", annulus(98, 214, 46, 36), annulus(202, 214, 46, 36));
            let hooks = stroke("M98 168q2-22 16-16M202 168q2-22 16-16", &tones.base, 4);
            return Drawing { behind: hooks, outline, shadow: [286, 100], ..Drawing::default() };
        }
        let drops = if has(&["pearl"]) {
            format!(
                r#"<circle cx="104" cy="252" r="24" fill="{stone}"/><circle cx="196" cy="252" r="24" fill="{stone}"/><path d="M92 244q4-10 12-12M184 244q4-10 12-12" stroke="{}" stroke-width="4" fill="none"/>"#,
                "#fff"
            )
        } else {
            gems(
                &[104, 196]
                    .map(|x| [[x, 212, 18], [x - 20, 252, 11], [x, 268, 14], [x + 20, 252, 11]])
                    .concat(),
            )
        };
        return Drawing {
            outline: format!(
                "{}{}M101 150h6v80h-6zM193 150h6v80h-6z",
                annulus(104, 150, 12, 6),
                annulus(196, 150, 12, 6)
            ),
            front: drops,
            shadow: [308, 90],
            ..Drawing::default()
        };
    }
    if has(&["necklace"]) {
        let width = if has(&["rope", "collar"]) { 12 } else { 3 };
        let outline = format!(
            "M62 92Q70 254 150 264Q230 254 238 92H{0}Q{1} {2} 150 {3}Q{4} {2} {5} 92Z",
            238 - width,
            228 - width,
            254 - width * 2,
            264 - width - width / 2,
            72 + width,
            62 + width
        );
        let front = if has(&["rope"]) {
            format!(
                r#"<path d="M68 96Q76 248 150 256Q224 248 232 96" fill="none" stroke="{}" stroke-width="10" stroke-dasharray="3 7"/>"#,
                tones.darker
            )
        } else if has(&["collar"]) {
            gems(&[[84, 190, 14], [112, 232, 14], [150, 252, 16], [188, 232, 14], [216, 190, 14]])
        } else if has(&["locket", "compass"]) {
            format!(
                r#"<circle cx="150" cy="288" r="25" fill="{}" stroke="{}" stroke-width="3"/>{}"#,
                tones.base,
                tones.darker,
                gem(150, 288, 9)
            )
        } else {
            gem(150, 286, 20)
        };
        return Drawing { outline, front, shadow: [338, 70], ..Drawing::default() };
    }
    if has(&["bracelet"]) {
        let is_cuff = has(&["cuff"]);
        let [outer, inner] = if is_cuff { [92, 66] } else { [88, 76] };
        let front = if has(&["braided", "curb", "cord"]) {
            format!(
                r#"<circle cx="150" cy="214" r="82" fill="none" stroke="{}" stroke-width="12" stroke-dasharray="8 5" opacity=".75"/>{}"#,
                if has(&["curb"]) { &tones.darker } else { stone },
                if has(&["cord"]) { gem(150, 300, 12) } else { String::new() }
            )
        } else {
            stroke("M84 176Q104 136 150 130", &tones.light, 5)
        };
        return Drawing {
            outline: annulus(150, 214, outer, inner),
            front,
            shadow: [322, 84],
            ..Drawing::default()
        };
    }
    if has(&["trio"]) {
        let outline = format!(
            "{}{}{}",
            annulus(112, 226, 54, 47),
            annulus(186, 226, 54, 47),
            annulus(150, 200, 54, 47)
        );
        return Drawing { outline, shadow: [294, 90], ..Drawing::default() };
    }
    let front = if has(&["signet"]) {
        format!(
            r#"<rect x="118" y="126" width="64" height="48" rx="14" fill="{}" stroke="{}"/><rect x="130" y="135" width="40" height="30" rx="8" fill="{stone}" stroke="{1}"/>"#,
            tones.base, tones.darker
        )
    } else {
        let halo = if has(&["halo"]) {
            stroke("M150 110h0M120 140h0M180 140h0M132 121h0M168 121h0M132 160h0M168 160h0", &tones.light, 10)
        } else {
            String::new()
        };
        halo + &gem(150, 140, 28)
    };
    Drawing { outline: annulus(150, 232, 70, 58), front, shadow: [312, 70], ..Drawing::default() }
}

fn watch(has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let is_bangle = has(&["bangle"]);
    let outline = if is_bangle {
        "M132 60H168Q180 120 176 200Q180 280 168 340H132Q120 280 124 200Q120 120 132 60Z".to_owned()
    } else {
        "M128 46H172L182 134V266L172 354H128L118 266V134Z".to_owned()
    };
    let dial = if has(&["blue dial", "moonphase", "field", "evening", "bangle"]) {
        tones.darker.as_str()
    } else {
        "#f6f1e7"
    };
    let hands = if dial == "#f6f1e7" { "#2b2a2d" } else { "#f6f1e7" };
    let case = if is_bangle { BRASS } else { STEEL_LIGHT };
    let radius = if is_bangle || has(&["petite", "small"]) { 46 } else { 56 };
    let face = if has(&["square"]) {
        format!(
            r#"<rect x="96" y="144" width="108" height="112" rx="14" fill="{case}" stroke="{STEEL_DARK}"/><rect x="108" y="156" width="84" height="88" rx="6" fill="{dial}"/>"#
        )
    } else {
        format!(
            r#"<circle cx="150" cy="200" r="{radius}" fill="{case}" stroke="{STEEL_DARK}" stroke-width="2"/><circle cx="150" cy="200" r="{}" fill="{dial}"/>"#,
            radius - 9
        )
    };
    let extra = if has(&["chronograph"]) {
        format!(
            r#"<g fill="none" stroke="{STEEL_DARK}"><circle cx="134" cy="200" r="10"/><circle cx="166" cy="200" r="10"/><circle cx="150" cy="222" r="10"/></g>"#
        )
    } else if has(&["moonphase"]) {
        fill("M138 222a14 14 0 0 0 24 0a16 16 0 0 1-24 0Z", BRASS)
    } else {
        String::new()
    };
    let ticks = radius - 16;
    let marks = format!(
        "M150 {0}v6M150 {1}v-6M{2} 200h6M{3} 200h-6",
        200 - ticks,
        200 + ticks,
        150 - ticks,
        150 + ticks
    );
    let front = format!(
        r#"<rect x="{0}" y="195" width="10" height="10" rx="2" fill="{case}" stroke="{STEEL_DARK}"/>{face}{extra}<path d="{marks}M150 200L150 172M150 200L168 212" stroke="{hands}" stroke-width="3" stroke-linecap="round"/>"#,
        149 + radius
    );
    let lines = if is_bangle { "" } else { "M134 56L127 130M166 56L173 130M127 270L134 344M173 270L166 344" };
    Drawing { outline, lines: lines.into(), front, shadow: [364, 40], ..Drawing::default() }
}

fn fragrance(random: &mut ChaCha8Rng, tones: &Tones) -> Drawing {
    let form = random.random_range(0..3);
    let (glass, liquid, label) = match form {
        0 => (
            "M92 160H208Q218 160 218 170V318Q218 328 208 328H92Q82 328 82 318V170Q82 160 92 160Z",
            "M92 190H208V308Q208 318 198 318H102Q92 318 92 308Z",
            [116, 226],
        ),
        1 => (
            "M128 150H172Q232 176 232 246Q232 328 150 328Q68 328 68 246Q68 176 128 150Z",
            "M88 210Q150 222 212 210Q232 318 150 318Q68 318 88 210Z",
            [116, 240],
        ),
        _ => (
            "M106 130H194Q204 130 204 140V318Q204 328 194 328H106Q96 328 96 318V140Q96 130 106 130Z",
            "M106 168H194V308Q194 318 184 318H116Q106 318 106 308Z",
            [116, 220],
        ),
    };
    let cap_y = [104, 94, 74][form];
    let [label_x, label_y] = label;
    Drawing {
        behind: format!(
            r##"<path d="{glass}" fill="#fbf8f2" stroke="{0}" stroke-width="2" opacity=".9"/><rect x="140" y="{1}" width="20" height="20" fill="{BRASS}"/><rect x="124" y="{cap_y}" width="52" height="42" rx="4" fill="{0}"/>"##,
            tones.darker,
            cap_y + 40
        ),
        outline: liquid.into(),
        front: format!(
            r##"<rect x="{label_x}" y="{label_y}" width="68" height="48" fill="#fbf7ee"/><path d="M132 {0}h36M140 {1}h20" stroke="{2}" stroke-width="3"/><path d="M104 178V304" stroke="#fff" stroke-width="4" opacity=".35"/>"##,
            label_y + 19,
            label_y + 30,
            tones.darker
        ),
        shadow: [332, 76],
        ..Drawing::default()
    }
}

fn home(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    if has(&["candle"]) {
        return Drawing {
            behind: format!(
                r##"{}<path d="M150 112Q168 140 150 156Q132 140 150 112Z" fill="#f0b65a"/><path d="M150 128Q158 144 150 154Q142 144 150 128Z" fill="#fff1cf"/>"##,
                stroke("M150 176V154", "#4a3f38", 3)
            ),
            outline: "M92 176Q150 188 208 176V316Q208 328 196 328H104Q92 328 92 316Z".into(),
            lines: "M92 196Q150 208 208 196".into(),
            front: format!(
                r##"<rect x="116" y="232" width="68" height="52" fill="#fbf7ee"/><path d="M130 252h40M138 264h24" stroke="{}" stroke-width="3"/>"##,
                tones.darker
            ),
            shadow: [332, 70],
        };
    }
    if has(&["cushion"]) {
        let outline = if has(&["bolster"]) {
            "M64 178H236Q262 178 262 218Q262 258 236 258H64Q38 258 38 218Q38 178 64 178Z"
        } else {
            "M54 130Q150 148 246 130Q232 220 246 312Q150 296 54 312Q68 220 54 130Z"
        };
        let lines = if has(&["bolster"]) {
            "M64 178Q86 218 64 258M236 178Q214 218 236 258"
        } else {
            "M62 138Q100 160 112 190M238 138Q206 158 196 180M64 304Q92 284 108 260"
        };
        return Drawing {
            outline: outline.into(),
            lines: lines.into(),
            shadow: [if has(&["bolster"]) { 268 } else { 316 }, 100],
            ..Drawing::default()
        };
    }
    if has(&["throw"]) {
        let fringe = format!(
            r#"<path d="M66 320H236" stroke="{}" stroke-width="18" stroke-dasharray="4 4"/>"#,
            tones.dark
        );
        return Drawing {
            behind: fringe,
            outline: "M70 150Q150 136 230 150Q244 154 242 168L240 316H62L58 168Q56 154 70 150Z".into(),
            lines: "M58 196Q150 184 242 196M60 236Q150 226 242 236M110 146Q106 180 112 314".into(),
            shadow: [334, 104],
            ..Drawing::default()
        };
    }
    let neck = 14 + random.random_range(0..5);
    let half = if has(&["moon"]) {
        vec![
            [20, 122, 20, 122],
            [18, 140, 20, 144],
            [96, 160, 94, 232],
            [90, 312, 34, 326],
            [20, 328, 0, 328],
        ]
    } else if has(&["amphora"]) {
        vec![[26, 92, 26, 92], [18, 110, 16, 136], [76, 150, 74, 206], [66, 280, 26, 326], [10, 328, 0, 328]]
    } else {
        vec![
            [neck, 84, neck, 84],
            [neck - 4, 140, neck + 2, 178],
            [78, 206, 72, 268],
            [68, 326, 44, 328],
            [20, 330, 0, 330],
        ]
    };
    let behind = if has(&["amphora"]) {
        stroke("M132 116Q84 116 92 180M168 116Q216 116 208 180", &tones.dark, 9)
    } else {
        stroke("M150 120Q140 60 112 34M152 120Q164 70 186 52M150 90Q154 50 148 24", "#8a8f6c", 3)
    };
    Drawing {
        behind,
        outline: mirrored(&half),
        lines: "M92 250Q150 266 208 250".into(),
        shadow: [330, 66],
        ..Drawing::default()
    }
}
