//! Which designs does the house show for men?

use super::{
    materials::*,
    wardrobe::{Style::*, *},
};

/// The written designs of a kind; none for the kinds that the house shows to women or to everyone.
pub fn designs(kind: Kind) -> &'static [Design] {
    match kind {
        Kind::Coat => COATS,
        Kind::Jacket => JACKETS,
        Kind::Knit => KNITWEAR,
        Kind::Shirt => SHIRTS,
        Kind::Trousers => TROUSERS,
        Kind::Shoe => SHOES,
        Kind::Boot => BOOTS,
        Kind::Bag => BAGS,
        Kind::Leather => LEATHER_GOODS,
        Kind::Scarf => SCARVES,
        Kind::Jewel => JEWELLERY,
        Kind::Watch => WATCHES,
        Kind::Dress | Kind::Skirt | Kind::Fragrance | Kind::Home => &[],
    }
}

const COATS: &[Design] = &[
    ("Chesterfield with velvet collar", WOOL, CHARCOAL, Classic, 3),
    ("Camel polo coat", CASHMERE, CAMEL, Classic, 4),
    ("Bonded mac with hidden placket", COTTON, STONE, Minimal, 2),
    ("Down-filled alpine parka", TECHNICAL, FOREST, Sport, 2),
    ("Naval peacoat", WOOL, NAVY, Classic, 2),
    ("Duffle coat with toggles", WOOL, OLIVE, Sport, 1),
    ("Dinner overcoat", CASHMERE, BLACK, Evening, 4),
    ("Raglan coat in rust tweed", TWEED, RUST, Romantic, 2),
    ("Shearling aviator coat", SHEARLING, CHESTNUT, Sport, 4),
    ("Minimal car coat", WOOL, INK, Minimal, 2),
];
const JACKETS: &[Design] = &[
    ("Unlined hopsack blazer", WOOL, NAVY, Classic, 2),
    ("Shawl-collar dinner jacket", WOOL, BLACK, Evening, 3),
    ("Suede bomber jacket", SUEDE, TOBACCO, Sport, 3),
    ("Velvet smoking jacket", VELVET, BURGUNDY, Evening, 3),
    ("Linen safari jacket", LINEN, OAT, Romantic, 2),
    ("Chore jacket in indigo twill", COTTON, SLATE, Sport, 1),
    ("Knitted blazer", CASHMERE_KNIT, CHARCOAL, Minimal, 3),
    ("Glen-check sports jacket", CHECK, STONE, Classic, 2),
    ("Calfskin racer jacket", CALF, BLACK, Sport, 4),
    ("Overshirt in moss flannel", FLANNEL, OLIVE, Minimal, 1),
];
const KNITWEAR: &[Design] = &[
    ("Crew-neck in pure cashmere", CASHMERE_KNIT, NAVY, Classic, 3),
    ("Aran sweater from the islands", WOOL_KNIT, IVORY, Sport, 2),
    ("Fine-gauge roll-neck", WOOL_KNIT, CHARCOAL, Minimal, 1),
    ("Half-zip golf sweater", WOOL_KNIT, SAGE, Sport, 1),
    ("Cricket V-neck sweater", WOOL_KNIT, OAT, Romantic, 2),
    ("Textured cardigan with leather buttons", WOOL_KNIT, TOBACCO, Classic, 2),
    ("Silk-blend evening polo knit", CASHMERE_KNIT, BLACK, Evening, 3),
    ("Fair Isle crew-neck", WOOL_KNIT, FOREST, Romantic, 2),
    ("Reverse-seam sweater", CASHMERE_KNIT, STONE, Minimal, 3),
    ("Bordeaux cashmere V-neck", CASHMERE_KNIT, BURGUNDY, Classic, 2),
];
const SHIRTS: &[Design] = &[
    ("White spread-collar shirt", COTTON, IVORY, Classic, 1),
    ("Dress shirt with pleated bib", COTTON, IVORY, Evening, 2),
    ("Band-collar linen shirt", LINEN, SAGE, Minimal, 1),
    ("Oxford button-down", COTTON, SKY, Sport, 1),
    ("Denim western shirt", DENIM, NAVY, Romantic, 1),
    ("Silk resort shirt", SILK, RUST, Romantic, 3),
    ("Black poplin shirt", COTTON, BLACK, Minimal, 2),
    ("Brushed-flannel weekend shirt", FLANNEL, FOREST, Sport, 1),
    ("Bengal-stripe shirt", COTTON, ROSE, Classic, 2),
];
const TROUSERS: &[Design] = &[
    ("Pleated gurkha trousers", COTTON, OAT, Classic, 2),
    ("Tuxedo trousers with satin stripe", WOOL, BLACK, Evening, 2),
    ("Tapered travel trousers", TECHNICAL, INK, Sport, 2),
    ("Grey flannel trousers", FLANNEL, CHARCOAL, Classic, 2),
    ("Slim selvedge jeans", DENIM, NAVY, Sport, 1),
    ("Garment-dyed chinos", COTTON, OLIVE, Minimal, 1),
    ("Wide linen trousers", LINEN, IVORY, Romantic, 1),
    ("Turned-up flannel trousers in cognac", FLANNEL, COGNAC, Romantic, 2),
];
const SHOES: &[Design] = &[
    ("Cap-toe Oxford", CALF, BLACK, Classic, 3),
    ("Unstructured suede loafer", SUEDE, TOBACCO, Minimal, 2),
    ("Court sneaker in white calf", CALF, IVORY, Sport, 1),
    ("Patent opera loafer", PATENT, BLACK, Evening, 3),
    ("Double-monk shoe", CALF, COGNAC, Classic, 2),
    ("Trail-inspired sneaker", TECHNICAL, OLIVE, Sport, 1),
    ("Canvas deck sneaker", CANVAS, NAVY, Sport, 1),
    ("Woven summer loafer", NAPPA, OAT, Romantic, 2),
];
const BOOTS: &[Design] = &[
    ("Chelsea boot in tobacco suede", SUEDE, TOBACCO, Classic, 2),
    ("Commando-sole lace-up boot", CALF, BLACK, Sport, 2),
    ("Jodhpur ankle boot", CALF, COGNAC, Romantic, 3),
    ("Zip boot, pared back", NAPPA, CHARCOAL, Minimal, 3),
    ("Shearling mountain boot", SHEARLING, OLIVE, Sport, 2),
    ("Balmoral boot in navy calf", CALF, NAVY, Classic, 4),
    ("Desert ankle boot", SUEDE, STONE, Minimal, 1),
];
const BAGS: &[Design] = &[
    ("Slim leather briefcase", CALF, BLACK, Classic, 3),
    ("Weekender holdall tote", CANVAS, OLIVE, Sport, 2),
    ("Folio tote for papers", CALF, TOBACCO, Minimal, 2),
    ("City crossbody bag", NAPPA, INK, Sport, 2),
    ("Explorer saddle bag", SUEDE, COGNAC, Romantic, 3),
    ("Overnight top-handle bag", CALF, NAVY, Classic, 4),
    ("Document clutch", CALF, CHARCOAL, Minimal, 2),
    ("Camel city tote", CALF, CAMEL, Classic, 3),
];
const LEATHER_GOODS: &[Design] = &[
    ("Bifold wallet in saddle calf", CALF, CHESTNUT, Classic, 2),
    ("Card holder with money clip", CALF, BLACK, Minimal, 1),
    ("Travel wallet with zip", CALF, NAVY, Sport, 3),
    ("Suede-lined coin case", SUEDE, OLIVE, Romantic, 1),
    ("Evening card case", PATENT, BLACK, Evening, 2),
];
const SCARVES: &[Design] = &[
    ("Fringed cashmere scarf", CASHMERE, CHARCOAL, Classic, 2),
    ("White silk evening scarf", SILK, IVORY, Evening, 2),
    ("Chunky ribbed scarf", WOOL_KNIT, OLIVE, Sport, 1),
    ("Double-face scarf", CASHMERE, NAVY, Minimal, 2),
    ("Tartan lambswool scarf", CHECK, BURGUNDY, Classic, 1),
    ("Printed silk foulard", SILK, COGNAC, Romantic, 2),
    ("Camel travel scarf", CASHMERE, CAMEL, Classic, 3),
];
const JEWELLERY: &[Design] = &[
    ("Onyx signet ring", STERLING, BLACK, Classic, 2),
    ("Curb-chain bracelet", STERLING, SILVER, Minimal, 2),
    ("Compass pendant necklace", STERLING, SILVER, Sport, 1),
    ("Braided leather bracelet", CALF, CHESTNUT, Romantic, 1),
];
const WATCHES: &[Design] = &[
    ("Chronograph on brown calf", STEEL, CHESTNUT, Sport, 3),
    ("Ultra-thin dress watch", STEEL, BLACK, Evening, 4),
    ("Diver's watch, deep blue dial", STEEL, NAVY, Sport, 2),
    ("Enamel-dial watch", STEEL, IVORY, Classic, 4),
    ("Bauhaus watch", STEEL, STONE, Minimal, 2),
];
