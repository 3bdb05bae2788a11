//! How does a piece look? A small SVG: soft background, one silhouette in the piece's colour, and a surface
//! that hints at its material.
//!
//! Every coordinate is a whole number, so that no platform can print an image differently.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    drawing_garments, drawing_objects,
    materials::Surface,
    wardrobe::{Kind, Palette, Piece},
};

/// What is drawn: the silhouette that carries the material, and flat parts behind and in front of it.
#[derive(Default)]
pub struct Drawing {
    /// Elements behind the silhouette, for example a handle or the back of a neckline.
    pub behind: String,
    /// Path data of the silhouette.
    pub outline: String,
    /// Path data of fine lines in front: seams, folds, stitches.
    pub lines: String,
    /// Elements in front of the lines: buttons, buckles, belts.
    pub front: String,
    /// Centre height, half width of the shadow on the ground; no shadow when the width is zero.
    pub shadow: [i32; 2],
}

/// The colours of one drawing, as `#rrggbb`.
pub struct Tones {
    pub base: String,
    pub dark: String,
    pub darker: String,
    pub light: String,
    /// Seams, buttons and folds: darker than the cloth, but lighter where the cloth is nearly black.
    pub seam: String,
    pub is_dark: bool,
}

pub fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// `percent` of the way from one tone to another.
pub fn blend(from: [u8; 3], to: [u8; 3], percent: u32) -> [u8; 3] {
    let mut mixed = from;
    for (channel, goal) in mixed.iter_mut().zip(to) {
        let sum = u32::from(*channel) * (100 - percent) + u32::from(goal) * percent;
        // A weighted mean of two bytes is a byte.
        *channel = (sum / 100) as u8;
    }
    mixed
}

impl Tones {
    fn of(tone: [u8; 3]) -> Self {
        let darker = blend(tone, [0x1e, 0x18, 0x1a], 55);
        let is_dark = tone.iter().map(|&channel| u32::from(channel)).sum::<u32>() < 3 * 78;
        let seam = if is_dark { blend(tone, [0xe8, 0xe2, 0xdc], 34) } else { darker };
        Self {
            base: hex(tone),
            dark: hex(blend(tone, [0x24, 0x1c, 0x1c], 28)),
            darker: hex(darker),
            light: hex(blend(tone, [0xff, 0xfb, 0xf4], 42)),
            seam: hex(seam),
            is_dark,
        }
    }
}

/// Outline data of a shape that is its own mirror image about x = 150.
///
/// `half` holds the right half from top to bottom as quadratic segments `[control x, control y, x, y]`, with x
/// counted from the middle; a control equal to its end makes a straight line. The first entry is the start.
pub fn mirrored(half: &[[i32; 4]]) -> String {
    let Some((first, segments)) = half.split_first() else { return String::new() };
    let mut path = format!("M{} {}", 150 + first[2], first[3]);
    for &[control_x, control_y, x, y] in segments {
        push_segment(&mut path, 150 + control_x, control_y, 150 + x, y);
    }
    if let Some(&[_, _, x, y]) = segments.last() {
        path.push_str(&format!("L{} {y}", 150 - x));
    }
    for (position, &[control_x, control_y, x, y]) in segments.iter().enumerate().rev() {
        let [_, _, start_x, start_y] = half[position];
        let is_straight = control_x == x && control_y == y;
        let control = if is_straight { [150 - start_x, start_y] } else { [150 - control_x, control_y] };
        push_segment(&mut path, control[0], control[1], 150 - start_x, start_y);
    }
    path.push('Z');
    path
}

fn push_segment(path: &mut String, control_x: i32, control_y: i32, x: i32, y: i32) {
    if control_x == x && control_y == y {
        path.push_str(&format!("L{x} {y}"));
    } else {
        path.push_str(&format!("Q{control_x} {control_y} {x} {y}"));
    }
}

/// The picture of a piece.
pub fn draw(random: &mut ChaCha8Rng, piece: &Piece) -> String {
    let mut tone = piece.colour.tone;
    // Metal parts carry the metal's own tone; the colour of the piece then sits in the stone or dial.
    if piece.kind == Kind::Jewel
        && piece.material.surface == Surface::Metal
        && piece.colour.palette != Palette::Metal
    {
        tone = if piece.material.name == "gold vermeil" { [0xc8, 0xa3, 0x5b] } else { [0xb4, 0xb8, 0xc0] };
    }
    let tones = Tones::of(tone);
    let drawing = match piece.kind {
        Kind::Coat | Kind::Jacket | Kind::Knit | Kind::Dress | Kind::Shirt | Kind::Trousers | Kind::Skirt => {
            drawing_garments::draw(random, piece, &tones)
        }
        _ => drawing_objects::draw(random, piece, &tones),
    };
    let ground = ground(random, piece);
    let (surface, is_shaded) = surface(piece, &tones);
    let shade = if is_shaded { r##"<use href="#s" fill="url(#h)"/>"## } else { "" };
    let shadow = match drawing.shadow {
        [_, 0] => String::new(),
        [y, half_width] => {
            format!(r##"<ellipse cx="150" cy="{y}" rx="{half_width}" ry="7" fill="#000" opacity=".1"/>"##)
        }
    };
    let lines = if drawing.lines.is_empty() {
        String::new()
    } else {
        format!(
            r#"<path d="{}" fill="none" stroke="{}" stroke-width="2" opacity=".6"/>"#,
            drawing.lines, tones.seam
        )
    };
    format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 400"><defs>"#,
            r#"<path id="s" d="{outline}"/>{surface}</defs>"#,
            r#"<path fill="{ground}" d="M0 0h300v400H0"/>{shadow}{behind}"#,
            r##"<use href="#s" fill="{base}"/><use href="#s" fill="url(#m)"/>{shade}{lines}{front}</svg>"##
        ),
        outline = drawing.outline,
        surface = surface,
        ground = ground,
        shadow = shadow,
        behind = drawing.behind,
        base = tones.base,
        shade = shade,
        lines = lines,
        front = drawing.front,
    )
}

/// A pale background, warm for cool pieces and the other way round.
fn ground(random: &mut ChaCha8Rng, piece: &Piece) -> String {
    let choices: &[[u8; 3]] = match piece.colour.palette {
        Palette::Noir | Palette::Metal => &[[0xec, 0xe6, 0xde], [0xe9, 0xe4, 0xe4], [0xe4, 0xe5, 0xe2]],
        Palette::Neutral => &[[0xe3, 0xdc, 0xd6], [0xdd, 0xdf, 0xdb], [0xe4, 0xd9, 0xd3]],
        Palette::Earth => &[[0xee, 0xe6, 0xd9], [0xe6, 0xe6, 0xde], [0xf0, 0xe4, 0xdb]],
        Palette::Blue => &[[0xee, 0xe8, 0xdf], [0xe5, 0xe8, 0xea], [0xf0, 0xe9, 0xe4]],
        Palette::Green => &[[0xee, 0xe9, 0xdd], [0xe7, 0xea, 0xe2], [0xef, 0xe6, 0xdf]],
        Palette::Rose => &[[0xf2, 0xe8, 0xe3], [0xec, 0xe6, 0xdf], [0xe9, 0xe7, 0xe4]],
    };
    hex(choices[random.random_range(0..choices.len())])
}

/// The paint `#m` of the material, and whether a soft side shade `#h` is wanted on top of it.
fn surface(piece: &Piece, tones: &Tones) -> (String, bool) {
    let Tones { dark, darker, light, .. } = tones;
    // Dark cloth shows its volume by a highlight, all other cloth by shade at the sides.
    let (tone, [left, middle, right]) = if tones.is_dark { (light, [0, 2, 0]) } else { (darker, [3, 0, 4]) };
    let side_shade = format!(
        concat!(
            r#"<linearGradient id="h"><stop stop-color="{0}" stop-opacity=".{1}"/>"#,
            r#"<stop offset=".4" stop-color="{0}" stop-opacity=".{2}"/>"#,
            r#"<stop offset="1" stop-color="{0}" stop-opacity=".{3}"/></linearGradient>"#
        ),
        tone, left, middle, right
    );
    let pattern = |width: i32, height: i32, marks: String| {
        format!(
            concat!(
                r#"<pattern id="m" width="{}" height="{}" patternUnits="userSpaceOnUse">"#,
                r#"<g fill="none" opacity=".5">{}</g></pattern>{}"#
            ),
            width, height, marks, side_shade
        )
    };
    if piece.item.title.to_lowercase().contains("quilted") {
        return (
            pattern(
                26,
                26,
                format!(r#"<path d="M0 0l26 26M26 0l-26 26" stroke="{darker}" stroke-width="2"/>"#),
            ),
            true,
        );
    }
    match piece.material.surface {
        Surface::Knit => {
            // Cables are wide and raised; fine gauges are a small, even stitch.
            let title = piece.item.title.to_lowercase();
            let marks = if ["cable", "chunky", "aran"].iter().any(|word| title.contains(word)) {
                let stitch = r#"<path d="M4 0q12 9 0 18M14 0q-12 9 0 18M23 0v18" stroke=""#;
                return (pattern(27, 18, format!(r#"{stitch}{dark}" stroke-width="2"/>"#)), true);
            } else {
                format!(r#"<path d="M0 1l4 4 4-4" stroke="{dark}" stroke-width="1"/>"#)
            };
            (pattern(8, 6, marks), true)
        }
        Surface::Check => {
            let marks = format!(
                r#"<path d="M9 0v30M0 9h30" stroke="{darker}" stroke-width="5"/><path d="M23 0v30M0 23h30" stroke="{light}"/>"#
            );
            (pattern(30, 30, marks), true)
        }
        Surface::Lace => {
            let marks = format!(
                r#"<circle cx="7" cy="7" r="5" stroke="{light}" stroke-width="2"/><path d="M0 7h2M12 7h2M7 0v2M7 12v2" stroke="{darker}"/>"#
            );
            (pattern(14, 14, marks), true)
        }
        Surface::Twill => {
            let marks = format!(
                r#"<path d="M0 6l6-6M6 0l6 6" stroke="{dark}"/><path d="M2 10h2M9 8h2" stroke="{light}"/>"#
            );
            (pattern(12, 12, marks), true)
        }
        Surface::Slub => {
            let marks =
                format!(r#"<path d="M0 2h9M4 7h9" stroke="{light}"/><path d="M6 0v9" stroke="{dark}"/>"#);
            (pattern(13, 9, marks), true)
        }
        Surface::Pile => {
            let paint = format!(
                concat!(
                    r#"<radialGradient id="m" cx=".42" cy=".3" r=".8"><stop stop-color="{0}" stop-opacity=".5"/>"#,
                    r#"<stop offset="1" stop-color="{1}" stop-opacity=".6"/></radialGradient>"#
                ),
                light, dark
            );
            (paint, false)
        }
        Surface::Plain => (side_shade.replace(r#"id="h""#, r#"id="m""#), false),
        Surface::Sheen => (
            gradient(&[(0, dark), (30, light), (45, &tones.base), (100, darker)], "x2=\"1\" y2=\"1\""),
            false,
        ),
        Surface::Satin => (
            gradient(&[(0, dark), (22, light), (42, dark), (62, light), (100, darker)], "x2=\"1\" y2=\".3\""),
            false,
        ),
        Surface::Metal => {
            (gradient(&[(0, light), (40, dark), (55, light), (100, dark)], "x2=\"1\" y2=\"1\""), false)
        }
    }
}

/// A linear gradient `#m` of half-transparent stops at `(percent, tone)`.
fn gradient(stops: &[(i32, &String)], direction: &str) -> String {
    let stops: String = stops
        .iter()
        .map(|(percent, tone)| format!(r#"<stop offset="{percent}%" stop-color="{tone}"/>"#))
        .collect();
    // Half the strength: the material only tints the colour that lies underneath.
    format!(
        r#"<linearGradient id="m" {direction}>{}</linearGradient>"#,
        stops.replace("/>", r#" stop-opacity=".6"/>"#)
    )
}
