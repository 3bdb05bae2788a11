//! What does the shop say of a piece? Two sentences from hand-written parts, in several orders.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    materials::Material,
    wardrobe::{Colour, Kind, Style, pick},
};

/// A description in one or two sentences.
pub fn describe(
    random: &mut ChaCha8Rng,
    kind: Kind,
    material: &Material,
    colour: &Colour,
    style: Style,
) -> String {
    let of_material = pick(random, &material.sentences);
    let of_kind = pick(random, about_kind(kind));
    let is_for_the_room = matches!(kind, Kind::Fragrance | Kind::Home);
    // Bottles and vases are not worn, so that a sentence on how to wear them would read as a mistake.
    let pattern = if is_for_the_room { random.random_range(0..2) } else { random.random_range(0..6) };
    match pattern {
        0 => format!("{of_material} {of_kind}"),
        1 => format!("{of_kind} {of_material}"),
        2 => format!("{of_material} {}", pick(random, about_style(style))),
        3 => format!("{of_kind} {}", pick(random, about_style(style))),
        4 => format!("{} {}", about_colour(random, colour), of_kind),
        _ => format!("{} {}", of_material, about_colour(random, colour)),
    }
}

fn about_colour(random: &mut ChaCha8Rng, colour: &Colour) -> String {
    let name = colour.name;
    match random.random_range(0..4) {
        0 => format!("We chose {name} for it, and would choose it again."),
        1 => format!("Shown here in {name}, the tone the studio keeps coming back to."),
        2 => format!("The {name} was matched to a swatch from the archive of the house."),
        _ => format!("In {name}, it sits easily beside almost everything else you own."),
    }
}

fn about_style(style: Style) -> &'static [&'static str] {
    match style {
        Style::Sport => &[
            "Made for the days that begin early and end somewhere else.",
            "Easy enough for the weekend, considered enough for the city.",
            "It asks for fresh air and very little care.",
        ],
        Style::Minimal => &[
            "Nothing shouts; everything is in proportion.",
            "A quiet piece that makes the rest of the outfit look deliberate.",
            "Reduced until only the line was left.",
        ],
        Style::Classic => &[
            "A constant of the house, redrawn a little every year.",
            "It will look as right in ten years as it does today.",
            "The kind of piece that is inherited rather than replaced.",
        ],
        Style::Romantic => &[
            "There is a touch of the garden about it, and of old letters.",
            "Soft lines, small details, and a certain reluctance to hurry.",
            "Set it against something plain and let it do the talking.",
        ],
        Style::Evening => &[
            "Made for the hour when the lights go down.",
            "It needs an occasion, or is one.",
            "Best in low light, with a late reservation.",
        ],
    }
}

fn about_kind(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Coat => &[
            "The shoulders are set by hand, so that it hangs as lightly as a robe.",
            "Roomy enough for a thick sweater, slim enough for a taxi door.",
            "Deep pockets, a full lining and a hem that moves when you walk.",
        ],
        Kind::Jacket => &[
            "The shoulder is soft, the waist precise, and the sleeve finished to be turned back.",
            "Inside, a half lining keeps it light; outside, every edge is stitched by hand.",
            "Wear it closed as a top or open over next to nothing.",
        ],
        Kind::Knit => &[
            "Ribbed edges keep their spring, wash after wash.",
            "It layers under a coat without a ridge and stands alone just as well.",
            "Linked by hand at the neck, where it matters most.",
        ],
        Kind::Dress => &[
            "Cut in one line from shoulder to hem, it needs no more than a pair of shoes.",
            "The seams are placed where the body turns, so that it moves when you do.",
            "Lined to the knee, with a concealed zip and room to dance.",
        ],
        Kind::Shirt => &[
            "Mother-of-pearl buttons, single-needle seams and a collar that stands on its own.",
            "Tucked in it is precise; left loose it is something else entirely.",
            "A generous cut that leaves room for movement and for air.",
        ],
        Kind::Trousers => &[
            "The rise is comfortable, the leg long, and the hem left deep for your tailor.",
            "A curved waistband keeps them in place without a belt.",
            "They fall straight from the hip and break just once, at the shoe.",
        ],
        Kind::Skirt => &[
            "It sits at the natural waist and swings a little with each step.",
            "Fully lined, with a side zip and a hem finished by hand.",
            "Balanced for flat boots by day and heels by night.",
        ],
        Kind::Shoe => &[
            "Built on a forgiving last, with a cushioned leather insole.",
            "Blake-stitched in a family workshop near the sea.",
            "They are comfortable at once and can be resoled many times.",
        ],
        Kind::Boot => &[
            "A stacked heel and a snug shaft make it steady on cobblestones.",
            "Stitched, not glued, so that any good cobbler can renew the sole.",
            "The shaft is cut close enough to disappear under a trouser leg.",
        ],
        Kind::Bag => &[
            "Inside are three compartments, one of them secret.",
            "It stands upright by itself and closes with a soft click.",
            "The strap adjusts from the shoulder to across the body.",
        ],
        Kind::Leather => &[
            "Small enough for a jacket pocket, with room for all that counts.",
            "Saddle-stitched with waxed thread, two needles at a time.",
            "Your initials can be blind-embossed on the inside.",
        ],
        Kind::Scarf => &[
            "Large enough to be worn in five ways, the best of them careless.",
            "The edges are finished one by one, over the better part of an afternoon.",
            "Knot it, drape it, or keep it in a bag for cool evenings.",
        ],
        Kind::Jewel => &[
            "Light enough to forget and bright enough to be noticed.",
            "It comes in a linen pouch and can be polished for life.",
            "Each piece is finished at the bench by a single goldsmith.",
        ],
        Kind::Watch => &[
            "The strap changes without a tool, from day to evening in a minute.",
            "Thin enough to vanish under a cuff, legible at half a glance.",
            "Regulated in five positions and water-resistant for life as it happens.",
        ],
        Kind::Fragrance => &[
            "The bottle is heavy glass and can be refilled in our boutiques.",
            "Wear it on a scarf and it will still be there next week.",
            "A signature for those who do not want to smell of a season.",
        ],
        Kind::Home => &[
            "It changes a corner of the room without asking for attention.",
            "A present that is rarely given away again.",
            "Made in small numbers for the house and its guests.",
        ],
    }
}
