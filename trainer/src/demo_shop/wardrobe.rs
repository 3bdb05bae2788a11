//! What can a piece of the demo shop be? Its kinds, palettes, styles, houses and price levels, and how a
//! written design becomes a priced catalogue item.

use std::collections::BTreeMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use shared::catalog::Item;

use super::{collection_men, collection_women, copywriting, materials::Material};

/// What a piece is; the declaration order is the order of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Coat,
    Jacket,
    Knit,
    Dress,
    Shirt,
    Trousers,
    Skirt,
    Shoe,
    Boot,
    Bag,
    Leather,
    Scarf,
    Jewel,
    Watch,
    Fragrance,
    Home,
}

impl Kind {
    pub const ALL: [Self; 16] = [
        Self::Coat,
        Self::Jacket,
        Self::Knit,
        Self::Dress,
        Self::Shirt,
        Self::Trousers,
        Self::Skirt,
        Self::Shoe,
        Self::Boot,
        Self::Bag,
        Self::Leather,
        Self::Scarf,
        Self::Jewel,
        Self::Watch,
        Self::Fragrance,
        Self::Home,
    ];

    /// Stem of the item ids, category name, and the prices in euros of the four levels.
    fn facts(self) -> (&'static str, &'static str, [i64; 4]) {
        match self {
            Self::Coat => ("coat", "Coats", [590, 1150, 2200, 3900]),
            Self::Jacket => ("jacket", "Jackets", [420, 890, 1650, 2900]),
            Self::Knit => ("knit", "Knitwear", [220, 420, 780, 1350]),
            Self::Dress => ("dress", "Dresses", [320, 690, 1350, 2600]),
            Self::Shirt => ("shirt", "Shirts", [160, 320, 590, 980]),
            Self::Trousers => ("trousers", "Trousers", [190, 390, 690, 1150]),
            Self::Skirt => ("skirt", "Skirts", [210, 430, 790, 1400]),
            Self::Shoe => ("shoe", "Shoes", [260, 490, 790, 1150]),
            Self::Boot => ("boot", "Boots", [340, 680, 1090, 1650]),
            Self::Bag => ("bag", "Bags", [390, 890, 1850, 3600]),
            Self::Leather => ("leather", "Small leather goods", [120, 240, 420, 690]),
            Self::Scarf => ("scarf", "Scarves", [90, 190, 360, 690]),
            Self::Jewel => ("jewel", "Jewellery", [140, 390, 980, 2800]),
            Self::Watch => ("watch", "Watches", [690, 1900, 4800, 11500]),
            Self::Fragrance => ("fragrance", "Fragrance", [85, 140, 210, 320]),
            Self::Home => ("home", "Home", [60, 140, 320, 780]),
        }
    }
}

/// For whom the shop shows a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Department {
    Women,
    Men,
    House,
}

/// The hand in which a piece is designed; neighbours in this order lie close to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Sport,
    Minimal,
    Classic,
    Romantic,
    Evening,
}

impl Style {
    pub const ALL: [Self; 5] = [Self::Sport, Self::Minimal, Self::Classic, Self::Romantic, Self::Evening];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sport => "sport",
            Self::Minimal => "minimal",
            Self::Classic => "classic",
            Self::Romantic => "romantic",
            Self::Evening => "evening",
        }
    }
}

/// Colours that are worn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    Noir,
    Neutral,
    Earth,
    Blue,
    Green,
    Rose,
    /// Gold and silver go with every other palette.
    Metal,
}

impl Palette {
    /// The palettes a shopper can prefer.
    pub const WORN: [Self; 6] = [Self::Noir, Self::Neutral, Self::Earth, Self::Blue, Self::Green, Self::Rose];
}

/// A named colour with the tone it is drawn in.
#[derive(Clone, Copy, Debug)]
pub struct Colour {
    pub name: &'static str,
    pub tone: [u8; 3],
    pub palette: Palette,
}

const fn colour(name: &'static str, tone: [u8; 3], palette: Palette) -> Colour {
    Colour { name, tone, palette }
}

pub const BLACK: Colour = colour("black", [0x2f, 0x2d, 0x30], Palette::Noir);
pub const INK: Colour = colour("ink", [0x35, 0x3b, 0x4c], Palette::Noir);
pub const CHARCOAL: Colour = colour("charcoal", [0x58, 0x57, 0x5c], Palette::Noir);
pub const IVORY: Colour = colour("ivory", [0xf0, 0xe8, 0xd9], Palette::Neutral);
pub const OAT: Colour = colour("oat", [0xdb, 0xca, 0xaf], Palette::Neutral);
pub const CAMEL: Colour = colour("camel", [0xc0, 0x98, 0x69], Palette::Neutral);
pub const STONE: Colour = colour("stone", [0xb3, 0xa9, 0x9c], Palette::Neutral);
pub const CHESTNUT: Colour = colour("chestnut", [0x74, 0x4d, 0x39], Palette::Earth);
pub const COGNAC: Colour = colour("cognac", [0xa1, 0x64, 0x38], Palette::Earth);
pub const RUST: Colour = colour("rust", [0xab, 0x59, 0x36], Palette::Earth);
pub const TOBACCO: Colour = colour("tobacco", [0x82, 0x64, 0x45], Palette::Earth);
pub const NAVY: Colour = colour("navy", [0x2f, 0x3d, 0x5e], Palette::Blue);
pub const SLATE: Colour = colour("slate", [0x6f, 0x81, 0x95], Palette::Blue);
pub const SKY: Colour = colour("sky", [0xae, 0xc4, 0xd8], Palette::Blue);
pub const FOREST: Colour = colour("forest", [0x33, 0x4f, 0x41], Palette::Green);
pub const OLIVE: Colour = colour("olive", [0x74, 0x72, 0x49], Palette::Green);
pub const SAGE: Colour = colour("sage", [0xa5, 0xb1, 0x9b], Palette::Green);
pub const BURGUNDY: Colour = colour("burgundy", [0x70, 0x29, 0x38], Palette::Rose);
pub const CHERRY: Colour = colour("cherry", [0xa9, 0x38, 0x43], Palette::Rose);
pub const ROSE: Colour = colour("rose", [0xcb, 0x8f, 0x91], Palette::Rose);
pub const BLUSH: Colour = colour("blush", [0xe5, 0xc6, 0xbf], Palette::Rose);
pub const GOLD: Colour = colour("gold", [0xc8, 0xa3, 0x5b], Palette::Metal);
pub const SILVER: Colour = colour("silver", [0xb4, 0xb8, 0xc0], Palette::Metal);

/// A written design: title, material, colour, style and price level from 1 to 4.
pub type Design = (&'static str, Material, Colour, Style, usize);

/// A brand of the house: the price levels it covers, and the styles and kinds it is known for.
struct Brand {
    name: &'static str,
    levels: [usize; 2],
    styles: &'static [Style],
    kinds: &'static [Kind],
}

const TAILORING: &[Kind] = &[Kind::Coat, Kind::Jacket, Kind::Trousers, Kind::Shirt];
const SOFT: &[Kind] = &[Kind::Knit, Kind::Scarf, Kind::Home, Kind::Coat];
const GOWNS: &[Kind] = &[Kind::Dress, Kind::Skirt, Kind::Shirt, Kind::Jewel];
const LEATHER: &[Kind] = &[Kind::Bag, Kind::Leather, Kind::Shoe, Kind::Boot];
const PRECIOUS: &[Kind] = &[Kind::Jewel, Kind::Watch, Kind::Fragrance];

const BRANDS: [Brand; 12] = [
    Brand { name: "Maison Aurelle", levels: [3, 4], styles: &[Style::Classic], kinds: TAILORING },
    Brand {
        name: "Aurelle Atelier",
        levels: [3, 4],
        styles: &[Style::Evening, Style::Romantic],
        kinds: GOWNS,
    },
    Brand { name: "Aurelle Essentials", levels: [1, 2], styles: &[Style::Minimal], kinds: TAILORING },
    Brand { name: "Velloro", levels: [3, 4], styles: &[Style::Classic, Style::Evening], kinds: LEATHER },
    Brand { name: "Tessaline", levels: [1, 2], styles: &[Style::Romantic], kinds: GOWNS },
    Brand { name: "Corvane", levels: [2, 3], styles: &[Style::Minimal], kinds: LEATHER },
    Brand { name: "Halden Moor", levels: [1, 2], styles: &[Style::Classic, Style::Sport], kinds: SOFT },
    Brand {
        name: "Lune Perrine",
        levels: [2, 3],
        styles: &[Style::Romantic, Style::Evening],
        kinds: PRECIOUS,
    },
    Brand { name: "Kestrel Row", levels: [1, 2], styles: &[Style::Sport], kinds: LEATHER },
    Brand { name: "Ossiane", levels: [3, 4], styles: &[Style::Minimal], kinds: SOFT },
    Brand { name: "Marenquist", levels: [2, 4], styles: &[Style::Sport, Style::Classic], kinds: PRECIOUS },
    Brand { name: "Sable & Wren", levels: [1, 3], styles: &[Style::Evening, Style::Classic], kinds: GOWNS },
];

/// A catalogue item together with what the drawing and the shoppers need to know of it.
#[derive(Clone, Debug)]
pub struct Piece {
    pub item: Item,
    pub kind: Kind,
    pub department: Department,
    pub material: Material,
    pub colour: Colour,
    pub style: Style,
    pub level: usize,
    /// Position of the brand in the list of brands.
    pub brand: usize,
    /// How much the piece draws the eye of everyone, whatever their taste.
    pub appeal: f64,
}

/// Season of a piece, as the attribute says it.
pub const AUTUMN_WINTER: &str = "autumn-winter";
pub const SPRING_SUMMER: &str = "spring-summer";
pub const ALL_YEAR: &str = "all year";

/// Position drawn in proportion to `weights`; `None` when no weight is positive.
pub fn draw_weighted(random: &mut ChaCha8Rng, weights: &[f64]) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    let mut left = random.random::<f64>() * total;
    let mut last = None;
    for (position, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            last = Some(position);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}

/// One of a few written alternatives.
pub fn pick<'a>(random: &mut ChaCha8Rng, choices: &[&'a str]) -> &'a str {
    if choices.is_empty() { "" } else { choices[random.random_range(0..choices.len())] }
}

/// All pieces of the house in catalogue order: kind by kind, women before men.
pub fn pieces(random: &mut ChaCha8Rng) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for kind in Kind::ALL {
        let women = collection_women::designs(kind);
        let men = collection_men::designs(kind);
        let first_department =
            if matches!(kind, Kind::Fragrance | Kind::Home) { Department::House } else { Department::Women };
        let written = women
            .iter()
            .map(|design| (first_department, design))
            .chain(men.iter().map(|design| (Department::Men, design)));
        for (number, (department, design)) in written.enumerate() {
            pieces.push(piece(random, kind, number + 1, department, design));
        }
    }
    pieces
}

fn piece(
    random: &mut ChaCha8Rng,
    kind: Kind,
    number: usize,
    department: Department,
    &(title, material, colour, style, level): &Design,
) -> Piece {
    let (stem, category, _) = kind.facts();
    let id = format!("{stem}-{number:02}");
    let brand = brand(random, kind, style, level);
    let department_name = match department {
        Department::Women => Some("Women"),
        Department::Men => Some("Men"),
        Department::House => None,
    };
    let attrs = BTreeMap::from([
        ("colour".to_owned(), colour.name.to_owned()),
        ("material".to_owned(), material.name.to_owned()),
        ("season".to_owned(), material.season.to_owned()),
        ("style".to_owned(), style.name().to_owned()),
    ]);
    let mut item = Item {
        title: title.to_owned(),
        brand: Some(BRANDS[brand].name.to_owned()),
        category: department_name.into_iter().chain([category]).map(str::to_owned).collect(),
        price: Some(price_in_cents(random, kind, level)),
        currency: Some("EUR".to_owned()),
        available: !random.random_bool(0.03),
        image: Some(format!("images/{id}.svg")),
        url: Some(format!("#/item/{id}")),
        attrs,
        text: Some(copywriting::describe(random, kind, &material, &colour, style)),
        id,
        ..Item::default()
    };
    // A few best-sellers and a long tail, so that popularity alone is a baseline with something to say.
    let luck: f64 = random.random();
    let appeal = 0.5 + 2.0 * luck * luck * luck;
    if luck < NEW_SHARE {
        // For the shop's rules: what hardly anyone has found yet.
        item.tags.push("new".to_owned());
    }
    Piece { item, kind, department, material, colour, style, level, brand, appeal }
}

/// Share of the collection that is new in.
const NEW_SHARE: f64 = 0.1;

fn price_in_cents(random: &mut ChaCha8Rng, kind: Kind, level: usize) -> i64 {
    let (_, _, euros_of_levels) = kind.facts();
    let euros = euros_of_levels[level.clamp(1, 4) - 1] * random.random_range(88..=116) / 100;
    // Boutique prices end in 0 or 5, large ones in 0.
    let step = if euros >= 1000 { 10 } else { 5 };
    euros / step * step * 100
}

fn brand(random: &mut ChaCha8Rng, kind: Kind, style: Style, level: usize) -> usize {
    let weights = BRANDS.each_ref().map(|brand| {
        let covers_level = brand.levels[0] <= level && level <= brand.levels[1];
        let of_level = if covers_level { 1.0 } else { 0.0 };
        let of_style = if brand.styles.contains(&style) { 4.0 } else { 0.4 };
        let of_kind = if brand.kinds.contains(&kind) { 4.0 } else { 0.5 };
        of_level * of_style * of_kind
    });
    draw_weighted(random, &weights).unwrap_or(0)
}
