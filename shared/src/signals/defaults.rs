//! What does each event mean unless the shop says otherwise? The signal table, and the names of other recorders.

use std::collections::BTreeMap;

use super::rules::{Bonus, Bounce, Dwell, Fixed, Impression, Neutral, Rate, Rule, Undo, Verdict};

/// The signal table of the design.
///
/// # Source
/// Design, signals and events; what it leaves open follows the product study §4.2: taking an item off the wish
/// list -0.10 (like the cart's -0.30 it stands alone, unless the item moved on to the cart), a cancelled order
/// +0.30.
pub fn events() -> BTreeMap<String, Rule> {
    let fixed = |p| Rule::Fixed(Fixed { p, per_doubling: 0.0 });
    let attention = || Rule::Bonus(Bonus { add: 0.10, cap: 0.20, group: Some("attention".to_owned()) });
    let neutral = Rule::Neutral(Neutral { neutral: true });
    let undo = |p, undoes: &str, unless: &[&str]| {
        let unless = unless.iter().map(|&name| name.to_owned()).collect();
        Rule::Undo(Undo { p, undoes: undoes.to_owned(), unless })
    };
    let verdict = |p, reasons: &[(&str, f32)], filter_days| {
        let reasons = reasons.iter().map(|&(reason, p)| (reason.to_owned(), p)).collect();
        Rule::Verdict(Verdict { p, decides: true, reasons, filter_days })
    };
    let reasons = [("size", -0.10), ("late", -0.10), ("defect", -0.50), ("dislike", -0.90)];
    let table = [
        ("impression", Rule::Impression(Impression { p: -0.05, floor: -0.20 })),
        ("click", fixed(0.10)),
        ("view", fixed(0.10)),
        ("dwell", Rule::Dwell(Dwell::default())),
        ("bounce", Rule::Bounce(Bounce { p: -0.10, below_s: 3.0 })),
        ("zoom", attention()),
        ("size_guide", attention()),
        ("review", attention()),
        ("variant", attention()),
        ("share", attention()),
        ("revisit", Rule::Bonus(Bonus { add: 0.15, cap: 0.30, group: None })),
        ("wishlist_add", fixed(0.60)),
        ("wishlist_remove", undo(-0.10, "wishlist_add", &["cart_add", "checkout", "purchase"])),
        ("cart_add", Rule::Fixed(Fixed { p: 0.70, per_doubling: 0.05 })),
        ("cart_remove", undo(-0.30, "cart_add", &["purchase"])),
        ("checkout", fixed(0.80)),
        ("purchase", fixed(1.00)),
        ("order_cancel", verdict(0.30, &[], None)),
        ("return", verdict(-0.60, &reasons, None)),
        ("rate", Rule::Rate(Rate::default())),
        ("dismiss", verdict(-0.80, &[], Some(90))),
        ("compare", neutral.clone()),
        ("search", neutral.clone()),
        ("list_view", neutral.clone()),
        ("cart_view", neutral.clone()),
        // What other recorders report and what says nothing about an item.
        ("ignored", neutral),
    ];
    table.into_iter().map(|(name, rule)| (name.to_owned(), rule)).collect()
}

/// Ours, then the names of others for it.
///
/// # Source
/// Product study §2.4: Google Analytics 4 and Universal Analytics, Segment e-commerce (v2 and v1), Google Retail,
/// Shopify web pixels, Snowplow, Algolia Insights, Meta Pixel, Coveo. Names that are ours already (`purchase`,
/// `search`, `share`, `click`, `view`, `impression`) need no alias.
const ALIASES: &[(&str, &[&str])] = &[
    ("impression", &["view_item_list", "Product List Viewed"]),
    (
        "list_view",
        &[
            "Product List Filtered",
            "Viewed Product Category",
            "category-page-view",
            "collection_viewed",
            "view_promotion",
        ],
    ),
    (
        "click",
        &[
            "select_item",
            "select_content",
            "Product Clicked",
            "Clicked Product",
            "list_click",
            "ec.productClick",
        ],
    ),
    (
        "view",
        &[
            "view_item",
            "detail",
            "Product Viewed",
            "Viewed Product",
            "detail-page-view",
            "product_viewed",
            "product_view",
            "ViewContent",
            "ec.productView",
        ],
    ),
    ("share", &["Product Shared"]),
    ("search", &["view_search_results", "Products Searched", "search_submitted", "Search"]),
    ("wishlist_add", &["add_to_wishlist", "Product Added to Wishlist", "add-to-list", "AddToWishlist"]),
    ("wishlist_remove", &["Product Removed from Wishlist", "remove-from-list"]),
    (
        "cart_add",
        &[
            "add_to_cart",
            "add",
            "Product Added",
            "Wishlist Product Added to Cart",
            "add-to-cart",
            "product_added_to_cart",
            "addToCart",
            "AddToCart",
        ],
    ),
    (
        "cart_remove",
        &["remove_from_cart", "remove", "Product Removed", "remove-from-cart", "product_removed_from_cart"],
    ),
    ("cart_view", &["view_cart", "Cart Viewed", "shopping-cart-page-view", "cart_viewed"]),
    (
        "checkout",
        &["begin_checkout", "Checkout Started", "checkout-start", "checkout_started", "InitiateCheckout"],
    ),
    (
        "purchase",
        &[
            "Order Completed",
            "purchase-complete",
            "checkout_completed",
            "transaction",
            "Purchase",
            "ec.purchase",
        ],
    ),
    ("order_cancel", &["Order Cancelled"]),
    ("return", &["refund", "Order Refunded"]),
    ("rate", &["Product Reviewed"]),
    (
        "ignored",
        &[
            "add_shipping_info",
            "add_payment_info",
            "select_promotion",
            "Promotion Viewed",
            "Promotion Clicked",
            "Checkout Step Viewed",
            "Checkout Step Completed",
            "Payment Info Entered",
            "Order Updated",
            "Coupon Entered",
            "Coupon Applied",
            "Coupon Denied",
            "Coupon Removed",
            "Cart Shared",
            "home-page-view",
            "page-visit",
            "completion",
            "promotion-offered",
            "promotion-not-offered",
            "page_viewed",
            "checkout_contact_info_submitted",
            "checkout_address_info_submitted",
            "checkout_shipping_info_submitted",
            "payment_info_submitted",
            "promo_view",
            "promo_click",
            "checkout_step",
            "trns_error",
        ],
    ),
];

/// From the names of others to ours.
pub fn aliases() -> BTreeMap<String, String> {
    ALIASES
        .iter()
        .flat_map(|(ours, others)| others.iter().map(|other| ((*other).to_owned(), (*ours).to_owned())))
        .collect()
}
