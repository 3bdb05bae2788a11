//! What does the built-in demo shop hold? A house of some three hundred pieces, its drawings, and the visits
//! of its clientele, all from one seed.

mod collection_men;
mod collection_women;
mod copywriting;
mod drawing;
mod drawing_garments;
mod drawing_leather;
mod drawing_objects;
mod drawing_outerwear;
mod materials;
mod shoppers;
mod visits;
mod wardrobe;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shared::{catalog::Catalog, interaction::Event};

/// Everything that a shop would bring: catalogue, event logs and pictures.
pub struct DemoShop {
    pub catalog: Catalog,
    /// The events of one visitor each, in time order.
    pub logs: Vec<Vec<Event>>,
    /// `images/<id>.svg` and its text, in catalogue order.
    pub images: Vec<(String, String)>,
}

/// The demo shop of a seed: the same seed gives the same shop, byte for byte.
///
/// The written parts (titles, colours, styles) are the same for every seed; prices, brands, descriptions, stock,
/// details of the drawings and all shoppers follow the seed.
#[must_use]
pub fn generate(seed: u64) -> DemoShop {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let pieces = wardrobe::pieces(&mut random);
    let logs = shoppers::logs(&mut random, &pieces);
    let images = pieces
        .iter()
        .map(|piece| (format!("images/{}.svg", piece.item.id), drawing::draw(&mut random, piece)))
        .collect();
    let catalog = Catalog::new(pieces.into_iter().map(|piece| piece.item).collect())
        .unwrap_or_else(|error| unreachable!("ids are numbered and titles are written: {error}"));
    DemoShop { catalog, logs, images }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::{
        interaction::{EventKind, History},
        preference::LIKED,
        signals::{FoldReport, SignalsConfig},
    };

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_shop() {
        let (first, again, other) = (generate(7), generate(7), generate(8));
        assert_eq!(first.catalog, again.catalog);
        assert_eq!(first.images, again.images);
        assert_eq!(first.logs, again.logs);
        assert_ne!(first.logs, other.logs);
    }

    #[test]
    fn every_item_is_complete() {
        let shop = generate(7);
        assert!((280..=320).contains(&shop.catalog.len()), "{} items", shop.catalog.len());
        let titles: BTreeSet<&str> = shop.catalog.items().iter().map(|item| item.title.as_str()).collect();
        assert_eq!(titles.len(), shop.catalog.len(), "titles are unique");
        let brands: BTreeSet<_> = shop.catalog.items().iter().map(|item| item.brand.clone()).collect();
        assert_eq!(brands.len(), 12);
        for item in shop.catalog.items() {
            assert!(item.price.is_some_and(|cents| cents > 0), "{}", item.id);
            assert_eq!(item.currency.as_deref(), Some("EUR"));
            assert_eq!(item.image, Some(format!("images/{}.svg", item.id)));
            assert_eq!(item.url, Some(format!("#/item/{}", item.id)));
            let attributes: Vec<&str> = item.attrs.keys().map(String::as_str).collect();
            assert_eq!(attributes, ["colour", "material", "season", "style"]);
            let text = item.text.as_deref().unwrap_or_default();
            assert!(text.ends_with('.') && text.len() > 40, "{}: {text:?}", item.id);
        }
        let missing = shop.catalog.items().iter().filter(|item| !item.available).count();
        assert!((1..=25).contains(&missing), "{missing} items are not available");
    }

    /// Every tag is closed in order, and every attribute value is quoted.
    fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').unwrap();
            assert!(text.is_empty(), "stray text {text:?}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            assert_eq!(tag.matches('"').count(), 2 * tag.matches('=').count(), "{tag:?}");
            if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
    }

    #[test]
    fn every_image_is_small_and_well_formed() {
        for seed in [1, 7, 2026] {
            let shop = generate(seed);
            assert_eq!(shop.images.len(), shop.catalog.len());
            for ((path, svg), item) in shop.images.iter().zip(shop.catalog.items()) {
                assert_eq!(Some(path), item.image.as_ref());
                assert!(svg.len() <= 1500, "{path} has {} bytes", svg.len());
                assert!(svg.contains(r#"viewBox="0 0 300 400""#) && !svg.contains("script"));
                assert_well_formed(svg);
            }
        }
    }

    #[test]
    fn logs_are_those_of_an_engaged_clientele() {
        let shop = generate(7);
        assert_eq!(shop.logs.len(), 1500);
        let event_count: usize = shop.logs.iter().map(Vec::len).sum();
        assert!((80_000..=120_000).contains(&event_count), "{event_count} events");
        let mut looks = Vec::new();
        let mut with_three_likes = 0;
        let signals = SignalsConfig::default();
        for log in &shop.logs {
            assert!(log.is_sorted_by_key(|event| event.ts));
            assert!(log.iter().all(|event| event.ts >= visits::FIRST_DAY_MS));
            let (history, report) = History::from_events(log, &shop.catalog, &signals);
            assert_eq!(report, FoldReport::default());
            // Every look opens with one view; intensities cannot tell a bounce from two impressions.
            looks.push(log.iter().filter(|event| event.kind == EventKind::View).count());
            let likes = history.interactions().iter().filter(|met| met.intensity >= LIKED).count();
            with_three_likes += usize::from(likes >= 3);
        }
        looks.sort_unstable();
        assert!(looks[0] >= 5, "someone looked at {} pieces only", looks[0]);
        assert!((12..=25).contains(&looks[750]), "median of {} looks", looks[750]);
        assert!(with_three_likes >= 1350, "{with_three_likes} visitors like three pieces");
    }

    #[test]
    fn sales_are_as_rare_as_in_a_real_shop() {
        let shop = generate(7);
        let count = |kind| shop.logs.iter().flatten().filter(|event| event.kind == kind).count();
        let mut sessions = 0;
        let mut sales = 0;
        let gap_ms = SignalsConfig::default().session_gap_ms();
        for log in &shop.logs {
            for session in log.chunk_by(|event, next| next.ts - event.ts <= gap_ms) {
                sessions += 1;
                sales += usize::from(session.iter().any(|event| event.kind == EventKind::Purchase));
            }
        }
        let conversion = f64::from(sales as u32) / f64::from(sessions);
        assert!((0.03..=0.08).contains(&conversion), "conversion {conversion}");
        let returned = count(EventKind::Return) as f64 / count(EventKind::Purchase) as f64;
        assert!((0.10..=0.20).contains(&returned), "share of returns {returned}");
        assert!(count(EventKind::View) > 5 * count(EventKind::CartAdd));
        assert!(count(EventKind::CartAdd) > 3 * count(EventKind::Purchase));
        assert!(count(EventKind::Dismiss) > 0 && count(EventKind::Rate) > 0 && count(EventKind::Revisit) > 0);
    }
}
