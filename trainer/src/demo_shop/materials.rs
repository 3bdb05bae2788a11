//! What is a piece of the demo shop made of? How the material is drawn, when it is worn, what is said of it.

use super::wardrobe::{ALL_YEAR, AUTUMN_WINTER, SPRING_SUMMER};

/// What a drawing does to hint at the material.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    Plain,
    Knit,
    Sheen,
    Satin,
    Check,
    Lace,
    Twill,
    Slub,
    Pile,
    Metal,
}

/// A material with the sentences a description can open with.
#[derive(Clone, Copy, Debug)]
pub struct Material {
    pub name: &'static str,
    pub surface: Surface,
    pub season: &'static str,
    pub sentences: [&'static str; 3],
}

const fn material(
    name: &'static str,
    surface: Surface,
    season: &'static str,
    sentences: [&'static str; 3],
) -> Material {
    Material { name, surface, season, sentences }
}

pub const CASHMERE: Material = material(
    "cashmere",
    Surface::Pile,
    AUTUMN_WINTER,
    [
        "Woven from long-fibre cashmere and brushed by hand until it barely has a weight.",
        "The cashmere is spun in a single mill that has worked for the house for three generations.",
        "Pure cashmere, warm at the first touch and quiet in every movement.",
    ],
);
pub const CASHMERE_KNIT: Material = material(
    "cashmere",
    Surface::Knit,
    AUTUMN_WINTER,
    [
        "Knitted from two-ply cashmere that grows softer with every winter.",
        "Fully fashioned in pure cashmere, so that not one seam is cut.",
        "A fine cashmere yarn gives it warmth without bulk.",
    ],
);
pub const WOOL: Material = material(
    "wool",
    Surface::Plain,
    AUTUMN_WINTER,
    [
        "Cut from dense virgin wool that keeps its line from morning to night.",
        "A compact wool with a dry hand holds the shape without stiffness.",
        "The wool is fulled slowly, which makes it wind-tight and surprisingly light.",
    ],
);
pub const WOOL_KNIT: Material = material(
    "merino wool",
    Surface::Knit,
    AUTUMN_WINTER,
    [
        "Knitted in extra-fine merino with a clean, springy stitch.",
        "The merino yarn is dyed before it is spun, for a colour with depth.",
        "Soft merino in a stitch that remembers the workshop it comes from.",
    ],
);
pub const CHECK: Material = material(
    "checked wool",
    Surface::Check,
    AUTUMN_WINTER,
    [
        "The check is woven for the house and matched by eye at every seam.",
        "The pattern runs unbroken from one seam to the next.",
        "Checked wool from a small weaver in the hills, soft but never limp.",
    ],
);
pub const TWEED: Material = material(
    "tweed",
    Surface::Twill,
    AUTUMN_WINTER,
    [
        "A flecked tweed in which eleven shades add up to one.",
        "Woven on narrow looms, the tweed has a lively, uneven grain.",
        "The tweed looks rugged from afar and reveals its subtlety up close.",
    ],
);
pub const FLANNEL: Material = material(
    "flannel",
    Surface::Pile,
    AUTUMN_WINTER,
    [
        "Carded flannel with a soft bloom, warm yet easy to wear indoors.",
        "The flannel falls heavily and creases hardly at all.",
        "Milled flannel blurs the colour a little, like a photograph in low light.",
    ],
);
pub const SHEARLING: Material = material(
    "shearling",
    Surface::Pile,
    AUTUMN_WINTER,
    [
        "Supple shearling, left natural on the inside and buffed on the outside.",
        "Each skin of shearling is chosen to match its neighbour.",
        "Shearling keeps the cold out and, unlike padding, gets better with age.",
    ],
);
pub const VELVET: Material = material(
    "velvet",
    Surface::Satin,
    AUTUMN_WINTER,
    [
        "Silk-backed velvet drinks the light and gives it back at the edges.",
        "The velvet has a short, dense pile and a liquid fall.",
        "In candlelight the velvet turns a shade deeper.",
    ],
);
pub const SILK: Material = material(
    "silk",
    Surface::Satin,
    ALL_YEAR,
    [
        "Heavy silk satin, washed so that it shines without glare.",
        "The silk is cut on the bias and follows every step.",
        "A silk with real weight, finished with hand-rolled edges.",
    ],
);
pub const CREPE: Material = material(
    "crepe",
    Surface::Plain,
    ALL_YEAR,
    [
        "Matt crepe with a fluid drape that travels without a crease.",
        "A dry double crepe lends it calm, architectural lines.",
        "The crepe skims rather than clings.",
    ],
);
pub const COTTON: Material = material(
    "cotton",
    Surface::Plain,
    ALL_YEAR,
    [
        "Crisp long-staple cotton with a touch as cool as paper.",
        "The cotton is woven from doubled yarn and softens wash by wash.",
        "A clean cotton, garment-washed for ease from the first day.",
    ],
);
pub const LINEN: Material = material(
    "linen",
    Surface::Slub,
    SPRING_SUMMER,
    [
        "Airy linen with an honest slub, dyed in small baths.",
        "The linen creases, and is meant to.",
        "Belgian-grown flax gives the cloth its cool, dry hand.",
    ],
);
pub const DENIM: Material = material(
    "denim",
    Surface::Slub,
    ALL_YEAR,
    [
        "Selvedge denim from an old shuttle loom, rinsed only once.",
        "The denim starts firm and slowly becomes yours.",
        "A mid-weight denim with a clean face and a sturdy back.",
    ],
);
pub const TECHNICAL: Material = material(
    "technical twill",
    Surface::Twill,
    ALL_YEAR,
    [
        "A water-repellent twill that packs to the size of a book.",
        "The technical twill stretches both ways and dries within the hour.",
        "Bonded twill with sealed seams, silent when you move.",
    ],
);
pub const LACE: Material = material(
    "lace",
    Surface::Lace,
    SPRING_SUMMER,
    [
        "The lace is made on Leavers looms, with a scalloped edge left as it came.",
        "Corded lace over a silk lining, transparent only where it wants to be.",
        "A botanical lace, each motif cut around by hand.",
    ],
);
pub const CALF: Material = material(
    "calf leather",
    Surface::Sheen,
    ALL_YEAR,
    [
        "Smooth calf leather with edges painted in five patient coats.",
        "Full-grain calf that takes on a patina of its own.",
        "The calf leather is vegetable-tanned and polished by hand.",
    ],
);
pub const NAPPA: Material = material(
    "nappa leather",
    Surface::Sheen,
    ALL_YEAR,
    [
        "Nappa so supple that it folds like cloth.",
        "Plunged nappa with a soft sheen and an almost weightless touch.",
        "The nappa is dyed through, so that wear only makes it richer.",
    ],
);
pub const SUEDE: Material = material(
    "suede",
    Surface::Pile,
    ALL_YEAR,
    [
        "Velvety suede with a short nap, treated to shrug off a shower.",
        "The suede is left unlined to stay soft.",
        "Kid suede in a tone that deepens where the hand passes.",
    ],
);
pub const PATENT: Material = material(
    "patent leather",
    Surface::Sheen,
    ALL_YEAR,
    [
        "Patent leather with a mirror finish, lacquered in nine layers.",
        "A flash of patent, wiped clean with the back of a glove.",
        "The patent leather is surprisingly supple and catches every light in the room.",
    ],
);
pub const CANVAS: Material = material(
    "canvas",
    Surface::Slub,
    SPRING_SUMMER,
    [
        "Sailcloth canvas, trimmed where hands will reach for it.",
        "The canvas is woven from undyed yarn and left to weather.",
        "A sturdy cotton canvas with waxed seams.",
    ],
);
pub const RAFFIA: Material = material(
    "raffia",
    Surface::Check,
    SPRING_SUMMER,
    [
        "Raffia, crocheted over eleven hours by a single pair of hands.",
        "Natural raffia keeps the small irregularities of the plant.",
        "The raffia is softened with steam before it is plaited.",
    ],
);
pub const YELLOW_GOLD: Material = material(
    "gold vermeil",
    Surface::Metal,
    ALL_YEAR,
    [
        "Thick gold vermeil over recycled silver.",
        "Cast in small batches and plated in warm eighteen-carat gold.",
        "The gold is brushed on one side and mirror-bright on the other.",
    ],
);
pub const STERLING: Material = material(
    "sterling silver",
    Surface::Metal,
    ALL_YEAR,
    [
        "Solid sterling silver with a hand-burnished finish.",
        "The silver is hammered, then polished until the marks are only felt.",
        "Cool sterling silver with an agreeable weight.",
    ],
);
pub const STEEL: Material = material(
    "steel",
    Surface::Metal,
    ALL_YEAR,
    [
        "A steel case, brushed on the flanks and polished on the bezel.",
        "The movement is visible through the back and needs no battery.",
        "Surgical steel, domed sapphire glass and nothing that is not needed.",
    ],
);
pub const PERFUME: Material = material(
    "eau de parfum",
    Surface::Satin,
    ALL_YEAR,
    [
        "It opens bright, then settles close to the skin for hours.",
        "Composed from few, unusually good raw materials.",
        "A generous concentration, blended and rested for six weeks.",
    ],
);
pub const CERAMIC: Material = material(
    "stoneware",
    Surface::Plain,
    ALL_YEAR,
    [
        "Thrown by hand, glazed twice, and never quite the same as the next.",
        "Stoneware with a matt, eggshell-like skin.",
        "The glaze pools in the throwing lines and leaves the foot bare.",
    ],
);
pub const WAX: Material = material(
    "vegetable wax",
    Surface::Plain,
    ALL_YEAR,
    [
        "Poured in vegetable wax, with a cotton wick and about sixty hours of light.",
        "The wax is slow-burning and leaves no soot.",
        "It scents a room gently before it is even lit.",
    ],
);
