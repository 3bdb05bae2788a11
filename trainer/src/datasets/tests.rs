//! Are data sets read as they are published? Small files of every format, and the real ones where they lie.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use shared::interaction::Interaction;

use super::*;

/// A folder of small files that is gone when the test ends. Names that end in `.gz` are packed.
pub struct Folder(PathBuf);

impl Folder {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn folder(name: &str, files: &[(&str, &str)]) -> Folder {
    let path = std::env::temp_dir().join(format!("vitrine-data-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    for (name, text) in files {
        let file = File::create(path.join(name)).unwrap();
        if name.ends_with(".gz") {
            let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            packed.write_all(text.as_bytes()).unwrap();
            packed.finish().unwrap();
        } else {
            (&file).write_all(text.as_bytes()).unwrap();
        }
    }
    Folder(path)
}

const DAY_MS: i64 = 86_400_000;

/// Histories as (title, intensity, time).
fn told(dataset: &Dataset) -> Vec<Vec<(&str, f32, i64)>> {
    let tell = |i: &Interaction| (dataset.catalog.items()[i.item].title.as_str(), i.intensity, i.time_ms);
    dataset.histories.iter().map(|history| history.iter().map(tell).collect()).collect()
}

fn error(folder: &Folder) -> String {
    crate::message(&load(folder.path()).err().unwrap())
}

const REVIEWS: &str = "user_id,item_id,recommend,posted,last_edited,funny,helpful,title\n\
    ann,10,True,2011-11-05,,,No ratings yet,Killing Floor\n\
    ann,20,False,2011-11-04,,,No ratings yet,\"Plants, Zombies\"\n\
    ann,10,False,2012-01-01,,,No ratings yet,Killing Floor\n\
    bob,43110,True,,,,No ratings yet,\n";

#[test]
fn steam_reviews() {
    let files = folder("steam", &[("reviews.csv.gz", REVIEWS)]);
    let dataset = load(files.path()).unwrap();
    let november = 15_282 * DAY_MS;
    assert_eq!(
        told(&dataset),
        [[("Plants, Zombies", -0.75, november), ("Killing Floor", 0.75, november + DAY_MS)]]
    );
    assert!(dataset.catalog.index_by_title("App 43110").is_some());
    assert_eq!((dataset.report.rows, dataset.report.accepted), (4, 2));
    assert_eq!(
        dataset.report.left_out,
        [("further reviews of one game by one visitor", 1), ("reviews without a day", 1)]
    );
}

#[test]
fn play_hours_have_no_order_and_cannot_train() {
    let hours =
        "1,Dota 2,purchase,1.0,0\n1,Dota 2,play,9.5,0\n2,Portal,purchase,1.0,0\n2,Portal,play,0.5,0\n";
    let files = folder("hours", &[("steam-200k.csv", hours)]);
    let said = error(&files);
    assert!(said.contains("steam-200k.csv:1: ") && said.contains("no times"), "{said}");
    assert!(said.contains("\nhint: train on dated data"), "{said}");
    let dataset = Format::of(files.path()).unwrap().read(files.path()).unwrap();
    // Two amounts among everybody's two: ranks 1/4 and 3/4, so stars 2 and 4.
    assert_eq!(told(&dataset), [[("Dota 2", 0.5, 0)], [("Portal", -0.5, 0)]]);

    let both = folder(
        "hours-too",
        &[("steam-200k.csv", &hours.replace("Portal", "Killing Floor")), ("reviews.csv.gz", REVIEWS)],
    );
    let dataset = load(both.path()).unwrap();
    assert_eq!(dataset.format, "steam-reviews");
    assert!(dataset.report.remarks.iter().any(|remark| remark.contains("hours of 1 of these games")));
}

#[test]
fn lastfm_takes_the_first_tag_day_and_ranks_listen_counts() {
    let artists = "id\tname\turl\tpictureURL\n1\tAbba\tu\tp\n2\tBj\u{f6}rk\tu\tp\n3\t\"Cure\tu\tp\n4\tDido\tu\tp\n5\tEels\tu\tp\n6\tFog\tu\tp\n";
    let counts = "userID\tartistID\tweight\n7\t1\t100\n7\t2\t5\n7\t3\t70\n7\t4\t8\n7\t5\t60\n";
    let tags = "userID\tartistID\ttagID\tday\tmonth\tyear\n7\t2\t9\t1\t3\t2008\n7\t1\t9\t1\t4\t2009\n7\t1\t8\t1\t1\t2007\n\
        7\t6\t9\t1\t5\t2009\n7\t3\t9\t1\t5\t1956\n7\t99\t9\t1\t5\t2009\n";
    let files = folder(
        "lastfm",
        &[("artists.dat", artists), ("user_artists.dat", counts), ("user_taggedartists.dat", tags)],
    );
    let dataset = load(files.path()).unwrap();
    assert_eq!(
        told(&dataset),
        [[
            ("Abba", 1.0, 13_514 * DAY_MS),
            ("Bj\u{f6}rk", -1.0, 13_939 * DAY_MS),
            ("Fog", 0.25, 14_365 * DAY_MS),
        ]]
    );
    assert_eq!(
        dataset.report.left_out,
        [("tags dated outside 2005 to 2011", 1), ("tags of artists that artists.dat lacks", 1)]
    );
    assert!(
        dataset.report.remarks[0].starts_with("3 listen counts have no tag"),
        "{:?}",
        dataset.report.remarks
    );
}

#[test]
fn beeradvocate_joins_style_and_strength() {
    let beers = ",place,beer,name,ratings,score,style,style_name,style_genre\n0,9,1,Red Ale,7,3.6,10,Red Ale,Pale Ales\n\
        1,9,2,Stout,7,3.6,11,Dry Stout,Stouts\n";
    let strength =
        "profile,beer,abv,name,ratings,score,style\n9,1,4.2,Red Ale,7,3.6,10\n9,2,,Stout,7,3.6,11\n";
    let ratings = "place,beer,usr,date,rating,style,s_name\n9,2,5,2014-09-05,1.0,11,Stout\n9,1,5,2014-09-04,4.5,10,Red Ale\n\
        9,1,,2014-09-04,4.5,10,Red Ale\n9,2,6,,4.5,11,Stout\n";
    let with = |ratings: &str| {
        folder("beer", &[("beers.csv", beers), ("gb_beers.csv", strength), ("ratings.csv", ratings)])
    };
    let files = with(ratings);
    let dataset = load(files.path()).unwrap();
    assert_eq!(told(&dataset), [[("Red Ale", 0.75, 16_317 * DAY_MS), ("Stout", -1.0, 16_318 * DAY_MS)]]);
    assert_eq!(dataset.catalog.items()[0].model_text(), "Red Ale Brewery 9 Pale Ales Red Ale 4.2%");
    assert_eq!(dataset.report.left_out, [("ratings without a visitor", 1), ("ratings without a day", 1)]);
    drop(files);

    let files =
        with(&format!("{ratings}9,2,5,2014-09-31,4.0,11,Stout\n9,2,5,2014-09-30,7,11,Stout\n9,2,5\n"));
    let said = error(&files);
    assert!(
        said.contains("ratings.csv:6:date: expected a date such as 2015-12-31, got \"2014-09-31\""),
        "{said}"
    );
    assert!(said.contains("2 more such lines"), "{said}");
    let rejected = Format::of(files.path()).unwrap().read(files.path()).unwrap().report.rejected;
    let kinds: Vec<_> = rejected.iter().map(|r| (r.line, r.kind)).collect();
    assert_eq!(kinds[1..], [(7, "value out of range"), (8, table::CUT_OFF)]);
}

#[test]
fn beauty_keeps_the_published_order() {
    let rows = "user_id,asin,position,timestamp,title\n\
        u,B2,2,,\"Wash &amp;\nGo\"\nu,B1,1,1318896000,\"Lacquer, 0.5\"\nu,B3,3,1328140800,Balm\n";
    let files = folder("beauty", &[("interactions.csv.gz", rows)]);
    let (first, last) = (1_318_896_000_000, 1_328_140_800_000);
    let dataset = load(files.path()).unwrap();
    assert_eq!(
        told(&dataset),
        [[("Lacquer, 0.5", 1.0, first), ("Wash & Go", 1.0, first), ("Balm", 1.0, last)]]
    );
    assert!(dataset.report.remarks[0].starts_with("1 rows without a time"));
}

#[test]
fn online_retail_folds_purchases_and_returns() {
    let lines = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
        1,85123A,HEART HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n\
        1,85123A,HEART HOLDER,6,2010-12-01 08:26:00,2.55,,United Kingdom\n\
        1,85123a,heart,6,2010-12-01 08:26:00,2.95,,United Kingdom\n\
        1,POST,POSTAGE,1,2010-12-01 08:26:00,18.00,17850.0,United Kingdom\n\
        2,22138,damaged?,-3,2010-12-02 09:00:00,0.0,,United Kingdom\n\
        C3,85123A,HEART HOLDER,-6,2010-12-03 00:00:00,2.55,17850.0,United Kingdom\n";
    let files = folder("uci", &[("online_retail.csv.gz", lines)]);
    let dataset = load(files.path()).unwrap();
    let bought = 1_291_191_960_000;
    assert_eq!(told(&dataset), [[("HEART HOLDER", 1.0, bought), ("HEART HOLDER", -0.6, 14_946 * DAY_MS)]]);
    let item = &dataset.catalog.items()[0];
    assert_eq!((dataset.catalog.len(), item.price, item.currency.as_deref()), (1, Some(255), Some("GBP")));
    assert_eq!(
        dataset.report.left_out,
        [("lines without a customer", 3), ("lines of postage, fees, vouchers and other non-products", 1)]
    );
    assert_eq!(
        dataset.report.remarks,
        ["1 accepted lines are of cancelling invoices (C...) and count as returns"]
    );
}

#[test]
fn rees46_tolerates_its_cut_end_and_nothing_else() {
    let head = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n\
        2019-10-01 00:00:00 UTC,view,10,1,appliances.environment.water_heater,aqua,33.20,5,s\n\
        2019-10-01 00:01:00 UTC,cart,10,1,appliances.environment.water_heater,aqua,31.00,5,s\n\
        2019-10-01 00:02:00 UTC,view,11,1,,,0.00,5,s\n";
    let files =
        folder("rees", &[("2019-Oct.csv", &format!("{head}2019-10-01 00:03:00 UTC,view,11,1,,,3.00,520"))]);
    let dataset = load(files.path()).unwrap();
    let start = 1_569_888_000_000;
    assert_eq!(
        told(&dataset),
        [[("aqua environment water heater 10", 0.7, start), ("Product 11", 0.1, start + 120_000)]]
    );
    assert_eq!(dataset.catalog.items()[0].price, Some(3100));
    assert_eq!(dataset.catalog.items()[1].price, None);
    let report = &dataset.report;
    assert_eq!((report.rows, report.accepted, report.rejected[0].line), (4, 3, 5));
    drop(files);

    let cut_inside =
        format!("{head}2019-10-01 00:03:00 UTC,view\n2019-10-01 00:03:00 UTC,hover,10,1,,,3.00,5,s\n");
    // With the line ends of Windows, lines are counted alike.
    let files = folder("rees", &[("2019-Oct.csv", &cut_inside.replace('\n', "\r\n"))]);
    let said = error(&files);
    assert!(said.contains("2019-Oct.csv:5: expected 9 columns, got 2") && said.contains("1 more"), "{said}");
}

const ITEMS: &str = "item_id:token\tmovie_title:token_seq\tgenres:token_seq\n1\tHeat\tAction Crime\n2\t\t\n";

#[test]
fn recbole_infers_scale_and_unit() {
    let rated = "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\t1\t10\t880000001\nu\t2\t1\t880000000.0\nu\t9\t5\t1\n";
    let files = folder("recbole", &[("ml.inter", rated), ("ml.item", ITEMS)]);
    let dataset = load(files.path()).unwrap();
    assert_eq!(told(&dataset), [[("Item 2", -1.0, 880_000_000_000), ("Heat", 1.0, 880_000_001_000)]]);
    assert_eq!(
        (dataset.unknown_events, dataset.catalog.items()[0].category.as_slice()),
        (1, &["Action Crime".to_owned()][..])
    );
    assert!(dataset.report.remarks.contains(&"ratings go up to 10: read on a scale up to 10".to_owned()));
    drop(files);

    let counted = "user_id:token\tproduct_id:token\tplay_hours:float\ttimestamp:float\nu\t1\t5\t1500000000000\nu\t2\t9\t1500000000001\n";
    let files = folder("recbole", &[("steam.inter", counted)]);
    let dataset = load(files.path()).unwrap();
    assert_eq!(told(&dataset), [[("Item 1", -0.5, 1_500_000_000_000), ("Item 2", 0.5, 1_500_000_000_001)]]);
}

#[test]
fn recbole_says_which_column_is_missing() {
    let files =
        folder("recbole-bad", &[("lfm.inter", "user_id:token\tartist_id:token\tweight:float\n1\t2\t3\n")]);
    let said = error(&files);
    assert!(said.contains("lfm.inter:1: the column timestamp is missing"), "{said}");
    assert!(said.contains("hint: add a column timestamp:float"), "{said}");
    drop(files);
    let twice = format!("{ITEMS}1\tHeat again\tDrama\n");
    let rows = "user_id:token\titem_id:token\ttimestamp:float\nu\t1\t880000001\n";
    let files = folder("recbole-bad", &[("ml.inter", rows), ("ml.item", &twice)]);
    let said = error(&files);
    assert!(said.contains("ml.item:4:item_id: item id \"1\" is on line 2 already"), "{said}");
}

const FILM: &str = "|01-Jan-1995|||0|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n";

fn movielens(name: &str, title: &str, ratings: &str) -> Folder {
    folder(name, &[("u.item", &format!("1|{title}{FILM}2|Heat{FILM}")), ("u.data", ratings)])
}

#[test]
fn movielens_is_read_in_the_letters_that_it_is_written_in() {
    let rows = "\u{feff}1\t1\t5\t880000000\n1\t2\t5\t880000001\n";
    let files = movielens("letters", "Les Mis\u{e9}rables", rows);
    assert_eq!(told(&load(files.path()).unwrap())[0][0].0, "Les Mis\u{e9}rables");
    let published =
        format!("1|Les Mis\u{e9}rables{FILM}2|Heat{FILM}").chars().map(|c| c as u8).collect::<Vec<_>>();
    fs::write(files.path().join("u.item"), published).unwrap();
    assert_eq!(told(&load(files.path()).unwrap())[0][0].0, "Les Mis\u{e9}rables");
    fs::write(files.path().join("u.data"), "").unwrap();
    assert!(error(&files).contains("u.data is empty\nhint: "), "{}", error(&files));
}

#[test]
fn movielens_names_the_line_of_an_impossible_time_and_counts_what_is_there_twice() {
    let files = movielens("times", "Alien", "1\t1\t5\t880000000\n1\t2\t5\t4102444800\n");
    let said = error(&files);
    let words =
        "u.data:2:time: the time 4102444800 is on 2100-01-01, in the future\nhint: times here are in seconds";
    assert!(said.contains(words) && !said.contains("milli"), "{said}");
    drop(files);
    let files = movielens("twice", "Alien", &"1\t1\t5\t880000000\n1\t2\t4\t880000001\n".repeat(2));
    let report = load(files.path()).unwrap().report;
    let warning = report.lines().into_iter().find(|line| line.contains("warning")).unwrap();
    assert!(warning.contains("u.data:3: 2 of 4 lines repeat an earlier line letter by letter"), "{warning}");
}

#[test]
fn every_format_is_refused_with_times_that_cannot_be() {
    let rows = "user_id:token\titem_id:token\ttimestamp:float\nu\t1\t880000\nu\t2\t880001\n";
    let said = error(&folder("early", &[("shop.inter", rows)]));
    assert!(said.contains("on 1970-01-11, before 1990, and 1 more interactions like it\nhint: "), "{said}");
}

#[test]
fn what_is_packed_is_to_be_unpacked() {
    let item = r#"{"id":"a","title":"Coat"}"#;
    let files = folder("packed", &[("catalog.jsonl", item), ("events.jsonl.gz", "{}")]);
    let said = error(&files);
    assert!(said.contains("events.jsonl") && said.contains("hint: unpack it first: gunzip "), "{said}");
}

#[test]
fn a_log_is_refused_by_what_its_lines_say() {
    let item = r#"{"id":"a","title":"Coat"}"#;
    let event = r#"{"visitor":"v","item":"a","type":"purchase","ts":1700000000000}"#;
    let with = |events: &str| folder("refused", &[("catalog.jsonl", item), ("events.jsonl", events)]);
    for (events, words) in [
        (
            event.replace("1700000000000", "1700000000"),
            "events.jsonl:1:ts: the time 1700000000 is on 1970-01-20",
        ),
        (event.replace("1700000000000", "1700000000000000"), "this one fits microseconds: divide it by 1000"),
        (event.replace("\"v\"", "\"\""), "1 of 1 events have no visitor"),
        (event.replace("\"a\"", "\"b\""), "none of 1 events names an item of the catalogue"),
        (
            event.replace("\"v\"", "12"),
            "visitor is the number 12, and a text is needed\nhint: put it in quotes",
        ),
        (String::new(), "events.jsonl is empty"),
    ] {
        let said = error(&with(&events));
        assert!(said.contains(words) && said.contains("hint: "), "{said}");
    }
    let seconds = event.replace("1700000000000", "1700000000");
    let said = error(&with(&[seconds.as_str(); 3].join("\n")));
    let words =
        "before 1990; 2 more such lines are listed by trainer validate\nhint: times here are in milliseconds";
    assert!(said.contains(words), "{said}");
    let files = with(&format!("{event}\n{}", event.replace("\"v\"", "\"\"")));
    let dataset = load(files.path()).unwrap();
    assert_eq!((dataset.histories.len(), dataset.report.accepted), (1, 1));
    let lines = dataset.report.lines().join("\n");
    assert!(
        lines.contains("  warning: ") && lines.contains("events.jsonl:2:visitor: 1 of 2 events"),
        "{lines}"
    );
    fs::write(files.path().join("catalog.jsonl"), "").unwrap();
    assert!(error(&files).contains("catalog.jsonl is empty\nhint: "), "{}", error(&files));
}

/// Counts that the sets' descriptions state, and what is left of them by an independent count in Python.
#[test]
fn real_sets_have_the_published_counts() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    // Name, rows, items, visitors, interactions.
    let sets = [
        ("movielens-100k", 100_000, 1_682, 943, 100_000),
        ("steam-australian", 59_161, 3_682, 22_825, 48_362),
        ("lastfm-hetrec2011", 186_479, 17_632, 1_891, 70_295),
        ("beeradvocate-gb", 71_307, 13_825, 9_523, 71_160),
        ("amazon-beauty-2014", 198_502, 12_101, 22_363, 198_502),
    ];
    for (name, rows, items, visitors, interactions) in sets {
        if !data.join(name).is_dir() {
            eprintln!("skipped: {name} is not on this machine");
            continue;
        }
        let dataset = load(&data.join(name)).unwrap();
        let report = &dataset.report;
        let left_out: usize = report.left_out.iter().map(|(_, count)| count).sum();
        assert_eq!(report.rows, rows, "{name}");
        assert_eq!(report.accepted + report.rejected.len() + left_out, rows, "{name}");
        assert_eq!(
            (dataset.catalog.len(), dataset.histories.len(), dataset.interactions()),
            (items, visitors, interactions),
            "{name}"
        );
    }
}

#[test]
fn an_earlier_catalogue_takes_its_items_by_their_ids_and_leaves_out_the_others() {
    let catalog = |ids: &[&str]| {
        let named = ids.iter().map(|id| gather::item(id, &format!("Item {id}"))).collect();
        Catalog::new(named).unwrap()
    };
    let met = |item| Interaction { item, intensity: 1.0, time_ms: item as i64 };
    let visitors = [("a", vec![met(0), met(1), met(2)]), ("b", vec![met(2)]), ("c", vec![met(1)])];
    let visitors = visitors.map(|(name, list)| (name.to_owned(), list)).into();
    let read =
        gather::from_interactions("x", catalog(&["new", "one", "two"]), visitors, ImportReport::default());
    let mut dataset = read.unwrap();
    let saw = |item| vec![Seen { item, time_ms: 0 }];
    dataset.seen = vec![saw(1), saw(2), saw(0)];
    // Another price is no other item.
    let mut dearer = dataset.catalog.items().to_vec();
    dearer[0].price = Some(7);
    assert!(dataset.is_of(&Catalog::new(dearer).unwrap()));

    let earlier = catalog(&["two", "gone"]);
    assert!(!dataset.is_of(&earlier));
    let (dataset, left_out) = dataset.on(&earlier);
    assert_eq!(left_out, LeftOut { items: 2, interactions: 3 });
    assert_eq!(dataset.visitors, ["a", "b"]);
    let two = vec![Interaction { item: 0, ..met(2) }];
    assert_eq!(dataset.histories, [two.clone(), two]);
    assert_eq!(dataset.seen, [vec![], saw(0)]);
    assert!(dataset.is_of(&earlier));
}
