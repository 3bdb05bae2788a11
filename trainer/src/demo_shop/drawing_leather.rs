//! Which outline do shoes, boots, bags and small leather goods have?

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    drawing::{Drawing, Tones},
    drawing_objects::{BRASS, BRASS_DARK, fill, stroke},
};

/// The second shoe of a pair, a little behind the first.
fn pair(tones: &Tones, x: i32, y: i32) -> String {
    format!(r##"<use href="#s" fill="{}" transform="translate({x} {y})"/>"##, tones.dark)
}

pub fn shoe(has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let is_flat = has(&["sneaker", "loafer", "oxford", "monk", "ballerina", "fisherman", "espadrille"]);
    let behind = if is_flat { pair(tones, 20, -36) } else { pair(tones, 30, -54) };
    let drawing = |outline: String, lines: &str, front: String| Drawing {
        behind: behind.clone(),
        outline,
        lines: lines.to_owned(),
        front,
        shadow: [302, 116],
    };
    if has(&["sneaker"]) {
        let sole = fill("M40 274H262Q266 298 250 298H54Q36 298 40 274Z", "#f4efe6");
        let laces = stroke("M112 238l18 12M124 226l18 12M134 214l18 12", &tones.light, 5);
        return drawing(
            "M42 298Q40 254 84 246Q114 238 136 204Q144 192 158 198Q186 222 226 194Q242 186 250 200Q256 240 262 298Z".into(),
            "M96 244Q128 262 150 274M176 216Q186 250 168 274M226 196Q220 240 238 274",
            format!("{sole}{}{laces}", stroke("M42 286H260", &tones.dark, 1)),
        );
    }
    if has(&["loafer", "oxford", "monk"]) {
        let sole = fill("M44 284H256V300H200V292H52Q42 292 44 284Z", &tones.darker);
        let details = if has(&["oxford"]) {
            "M92 246Q104 262 94 284M126 234l24-8M132 244l24-8M120 224Q150 250 190 284"
        } else if has(&["monk"]) {
            "M118 232L186 226M126 252L192 242M92 248Q104 264 96 284"
        } else {
            "M60 264Q100 242 148 262M112 242L150 224M122 254L162 236"
        };
        let buckle = if has(&["horsebit", "monk"]) {
            stroke("M132 234l14-3M138 250l14-4", BRASS, 6)
        } else {
            String::new()
        };
        return drawing(
            "M46 284Q44 256 90 244Q118 236 134 208Q142 200 156 206Q160 226 186 230Q216 228 238 204Q250 202 252 218L256 286Z".into(),
            details,
            format!("{sole}{buckle}"),
        );
    }
    if has(&["ballerina"]) {
        let bow = fill("M104 252l-18-12q-4 10 2 20zM104 252l18-12q4 10-2 20z", &tones.darker);
        return drawing(
            "M44 288Q48 264 92 252Q108 250 118 246Q160 278 210 256Q234 242 246 226Q256 244 254 296H52Q42 296 44 288Z".into(),
            "M118 248Q160 280 210 258Q234 244 246 228M46 288H254",
            bow,
        );
    }
    if has(&["fisherman", "espadrille"]) {
        let sole = fill(
            "M40 276H260V294Q258 300 250 300H50Q40 298 40 276Z",
            if has(&["espadrille"]) { "#cdb48a" } else { &tones.darker },
        );
        return drawing(
            "M48 278Q58 246 96 240L106 244Q120 222 140 214L152 220Q150 250 130 278ZM196 278Q204 236 236 196L252 200Q258 240 256 278Z".into(),
            "M72 256L112 278M98 242L130 270M122 232L142 252M54 274Q80 250 104 252",
            format!("{sole}{}", stroke("M146 222Q190 190 244 202", &tones.dark, 8)),
        );
    }
    // Heels: the heel seat is lifted by `lift` over the ground at 298.
    let lift = if has(&["stiletto", "crystal", "d'orsay"]) {
        78
    } else if has(&["kitten", "slingback"]) {
        44
    } else {
        58
    };
    let seat = 294 - lift;
    let counter = seat - 56;
    let [heel, waist] = if has(&["block", "glove"]) { [34, 30] } else { [8, 24] };
    let foot = "M44 288Q54 264 94 254Q116 248 126 234";
    let back = format!(
        "Q250 {0} 240 {1}L236 298H{2}L{3} {4}Q182 {5} 146 280Q128 297 104 297H54Q40 297 44 288Z",
        counter + 26,
        seat + 4,
        236 - heel,
        240 - waist,
        seat + 18,
        seat + 22
    );
    if has(&["sandal"]) {
        let strap = stroke(
            &format!(
                "M70 284Q92 236 132 280M232 {0}Q236 {1} 222 {1}Q186 {2} 190 {3}Q214 {4} 234 {1}",
                seat,
                counter - 16,
                counter - 30,
                counter - 6,
                counter + 6
            ),
            &tones.light,
            6,
        );
        let bed = format!(
            "M48 286Q104 292 138 272Q184 {0} 236 {1}L242 {2}L236 298H228L222 {3}Q184 {4} 146 286Q124 298 52 297Z",
            seat,
            seat - 10,
            seat + 2,
            seat + 16,
            seat + 20
        );
        return drawing(bed, "", strap);
    }
    let top = if has(&["mule"]) {
        format!("Q140 252 150 {0}Q190 {1} 236 {2}", (seat + 262) / 2, seat + 6, seat - 10)
    } else if has(&["d'orsay"]) {
        format!("Q140 262 160 {0}Q200 {1} 230 {counter}", seat + 26, seat + 4)
    } else {
        format!("Q150 {0} 180 {1}Q214 {2} 230 {counter}", seat + 24, seat - 6, counter + 34)
    };
    let front = if has(&["slingback"]) { stroke("M128 236l-14 12", BRASS, 5) } else { String::new() };
    drawing(format!("{foot}{top}{back}"), "M60 284Q88 264 124 262", front)
}

pub fn boot(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let top = if has(&["over-the-knee"]) {
        44
    } else if has(&["riding", "knee", "rain"]) {
        92
    } else {
        164
    } + random.random_range(-6..=6);
    let is_slim = has(&["slim", "over-the-knee", "victorian", "zip boot"]);
    let is_rugged = has(&["hiking", "commando", "mountain", "rain", "shearling"]);
    let heel = if is_slim { "L214 332H200L190 304" } else { "L218 332H178L174 314" };
    let outline = format!(
        "M46 320Q44 292 92 280Q128 268 136 226Q138 190 {0} {top}H220Q212 190 218 246Q224 284 222 300{heel}Q160 300 140 322H52Q46 322 46 320Z",
        if top < 120 { 126 } else { 134 }
    );
    let mut front = String::new();
    let mut lines = String::new();
    if is_rugged {
        front += &format!(
            r##"<path d="M44 312H224V334H44Z" fill="{}"/><path d="M48 334H222" stroke="#fff" stroke-width="4" stroke-dasharray="9 7" opacity=".35"/>"##,
            tones.darker
        );
    }
    if has(&["lace-up", "hiking", "balmoral", "mountain"]) {
        front += &stroke("M132 262l24 10M140 240l22 8M142 218l22 6M140 196l22 4", &tones.light, 4);
    }
    if has(&["chelsea"]) {
        front += &fill(&format!("M164 {top}H196L188 250Q180 262 172 250Z"), &tones.darker);
    }
    if has(&["button"]) {
        front += &stroke("M150 188h0M151 208h0M152 228h0M150 248h0", &tones.light, 7);
    }
    if has(&["riding", "jodhpur", "strap"]) {
        lines += "M134 244Q176 262 220 240M136 254Q176 272 220 250";
        front += &stroke("M164 254h10", BRASS, 8);
    }
    if has(&["shearling", "mountain"]) {
        front += &stroke(&format!("M136 {top}H216"), "#f1e8d8", 16);
    }
    if has(&["western"]) {
        lines += "M150 210q14 30 6 54M176 190q-12 36 4 70M96 284q20 4 30 20";
    }
    lines += "M92 282Q118 300 140 318M200 236Q206 270 198 296";
    Drawing { behind: pair(tones, 40, -24), outline, lines, front, shadow: [336, 106] }
}

pub fn bag(random: &mut ChaCha8Rng, has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let spread = random.random_range(-4..=4);
    let clasp = |x: i32, y: i32| {
        format!(
            r#"<rect x="{}" y="{y}" width="18" height="14" rx="3" fill="{BRASS}" stroke="{BRASS_DARK}"/>"#,
            x - 9
        )
    };
    let mut behind = String::new();
    let mut front = String::new();
    let mut lines = String::new();
    let outline;
    if has(&["clutch", "minaudière"]) {
        outline = format!(
            "M{} 164H{}Q256 164 256 176V282Q256 294 244 294H56Q44 294 44 282V176Q44 164 {0} 164Z",
            56, 244
        );
        if has(&["envelope", "document"]) {
            lines += "M46 170L150 246L254 170";
            front += &clasp(150, 238);
        } else {
            lines += "M46 214H254";
            front += &format!(
                r#"<circle cx="143" cy="160" r="9" fill="{BRASS}"/><circle cx="158" cy="160" r="9" fill="{BRASS_DARK}"/>"#
            );
        }
        if has(&["beaded"]) {
            front += r##"<path d="M60 188H242M66 202H238M60 232H242M66 250H238M60 268H242" stroke="#fff6e0" stroke-width="4" stroke-linecap="round" stroke-dasharray="0 12"/>"##;
        }
    } else if has(&["briefcase"]) {
        behind += &stroke("M118 174V156Q118 146 128 146H172Q182 146 182 156V174", &tones.darker, 9);
        outline =
            "M52 172H248Q258 172 258 182V298Q258 308 248 308H52Q42 308 42 298V182Q42 172 52 172Z".into();
        lines += "M42 226H258M96 172V308M204 172V308";
        front += &clasp(150, 219);
    } else if has(&["tote", "holdall", "weekender"]) {
        behind += &stroke("M108 190Q108 84 150 84Q192 84 192 190", &tones.dark, 8);
        let top = if has(&["beach", "basket", "holdall"]) { 48 } else { 62 };
        outline = format!(
            "M{top} 174H{}L{} 322Q{1} 336 {2} 336H{3}Q{4} 336 {4} 322Z",
            300 - top,
            240 + spread,
            226 + spread,
            74 - spread,
            60 - spread
        );
        front += &stroke("M108 176Q112 130 124 110M192 176Q188 130 176 110", &tones.darker, 8);
        lines += "M60 190H240M108 190V224M192 190V224";
    } else if has(&["bucket"]) {
        behind += &stroke("M92 176Q100 62 150 62Q200 62 208 176", &tones.dark, 7);
        outline = "M88 168Q150 184 212 168L226 316Q226 334 206 334H94Q74 334 74 316Z".into();
        lines += "M86 196Q150 212 214 196M116 200L110 330M184 200L190 330";
        front += &stroke("M130 206q-14 30-8 56M170 206q14 30 8 56", &tones.darker, 5);
    } else if has(&["hobo", "crescent"]) {
        behind += &stroke("M66 190Q80 70 150 70Q220 70 234 190", &tones.dark, 11);
        outline =
            "M56 180Q64 172 78 186Q150 262 222 186Q236 172 244 180Q272 322 150 322Q28 322 56 180Z".into();
        lines += "M84 200Q150 268 216 200M120 246Q124 290 112 306M180 246Q176 290 188 306";
        if has(&["knotted"]) {
            front += &fill("M134 62q16-14 32 0q10 14 0 24q-16 10-32 0q-10-12 0-24z", &tones.darker);
        }
    } else if has(&["saddle", "doctor"]) && !has(&["top-handle"]) {
        behind += &stroke("M72 200Q84 66 150 66Q216 66 228 200", &tones.dark, 7);
        outline = "M62 190Q62 178 76 178H224Q238 178 238 190V274Q230 328 150 328Q70 328 62 274Z".into();
        lines += "M62 214Q78 280 150 282Q222 280 238 214M76 178Q80 186 74 200M224 178Q220 186 226 200";
        front += &clasp(150, 268);
    } else if has(&["shoulder", "crossbody", "camera"]) {
        let top = if has(&["baguette"]) { 218 } else { 192 };
        let reach = if has(&["crossbody"]) { 44 } else { 96 };
        let bottom = if has(&["baguette"]) { 298 } else { 310 };
        let chain = if has(&["chain"]) { BRASS } else { &tones.dark };
        behind += &stroke(
            &format!("M72 {top}Q90 {reach} 150 {reach}Q210 {reach} 228 {top}"),
            chain,
            if has(&["chain"]) { 5 } else { 7 },
        );
        outline = format!(
            "M70 {top}H230Q244 {top} 244 {0}V{1}Q244 {bottom} 230 {bottom}H70Q56 {bottom} 56 {1}V{0}Q56 {top} 70 {top}Z",
            top + 14,
            bottom - 16
        );
        lines += &format!("M57 {0}Q150 {1} 243 {0}", top + 40, top + 58);
        front += &clasp(150, top + 44);
    } else {
        behind += &stroke("M108 190Q106 108 150 108Q194 108 192 190", &tones.darker, 10);
        let size = if has(&["mini"]) { 18 } else { 0 };
        outline = format!(
            "M{} 176H{}Q{} 176 {2} 188L{} 316Q{3} 332 {} 332H{}Q{} 332 {6} 316L{} 188Q{7} 176 {0} 176Z",
            76 + size,
            224 - size,
            234 - size,
            246 - size + spread,
            230 - size + spread,
            70 + size - spread,
            54 + size - spread,
            66 + size
        );
        lines += &format!(
            "M{} 200Q70 262 150 262Q230 262 {} 200M104 196l-4 18M196 196l4 18",
            66 + size,
            234 - size
        );
        front += &clasp(150, 252);
        front += &format!(
            r#"<circle cx="108" cy="192" r="5" fill="{BRASS}"/><circle cx="192" cy="192" r="5" fill="{BRASS}"/>"#
        );
    }
    Drawing { behind, outline, lines, front, shadow: [336, 100] }
}

pub fn leather(has: &dyn Fn(&[&str]) -> bool, tones: &Tones) -> Drawing {
    let stitches = |path: &str| {
        format!(
            r#"<path d="{path}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="5 4"/>"#,
            tones.light
        )
    };
    if has(&["key pouch", "coin"]) {
        return Drawing {
            behind: format!(
                r#"<circle cx="150" cy="122" r="26" fill="none" stroke="{BRASS}" stroke-width="6"/>"#
            ),
            outline: "M98 152Q150 138 202 152Q224 160 220 200Q214 282 150 284Q86 282 80 200Q76 160 98 152Z"
                .into(),
            lines: "M84 178Q150 162 216 178".into(),
            front: format!(
                "{}{}",
                stitches("M90 196Q98 272 150 274Q202 272 210 196"),
                stroke("M206 176l14 22", BRASS, 5)
            ),
            shadow: [306, 66],
        };
    }
    if has(&["passport"]) {
        return Drawing {
            behind: fill("M96 116H216V308H96Z", "#f4ecdd"),
            outline: "M84 112Q84 104 92 104H200Q210 104 210 112V304Q210 312 200 312H92Q84 312 84 304Z".into(),
            lines: "M96 104V312".into(),
            front: format!(
                "{}{}",
                stitches("M104 112H202V304H104Z"),
                stroke("M136 204h34M142 216h22", BRASS, 4)
            ),
            shadow: [324, 72],
        };
    }
    if has(&["card", "clip"]) {
        return Drawing {
            behind: format!("{}{}", fill("M86 146Q86 140 92 140H208Q214 140 214 146V220H86Z", BRASS), fill("M80 160Q80 154 86 154H214Q220 154 220 160V220H80Z", "#efe6d6")),
            outline: "M66 182Q66 174 74 174H128Q150 196 172 174H226Q234 174 234 182V282Q234 292 224 292H76Q66 292 66 282Z".into(),
            lines: "M66 210H234".into(),
            front: stitches("M74 220V284H226V220"),
            shadow: [308, 86],
        };
    }
    Drawing {
        outline: "M58 148H242Q252 148 252 158V270Q252 280 242 280H58Q48 280 48 270V158Q48 148 58 148Z".into(),
        lines: if has(&["bifold", "folded"]) { "M48 214H252" } else { "M48 204Q150 220 252 204" }.into(),
        front: format!(
            "{}{}",
            stitches("M56 156H244V272H56Z"),
            if has(&["zip"]) {
                stroke("M60 148H236M236 148v26", BRASS, 5)
            } else {
                format!(r#"<circle cx="150" cy="212" r="8" fill="{BRASS}" stroke="{BRASS_DARK}"/>"#)
            }
        ),
        shadow: [300, 100],
        ..Drawing::default()
    }
}
