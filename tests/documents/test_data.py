"""Do the programs in docs/DATA.md do what it says? They are taken out of it and run on exports with its oddities.

With VITRINE_TRAINER, the path of a `trainer`, what they write is validated, too.
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MARKED = re.compile(r"^```python\n(# (\w+\.py)\b.*?)^```$", re.M | re.S)
MOST_LINES = 75

FEED = [
    {
        "id": "shopify_DE_7230_41", "item group id": "7230", "title": "Coat &amp; hood - Black / M", "brand": "A &amp; B",
        "description": "<p>Warm</p>", "link": "https://shop.example/products/coat?variant=41&utm_source=google",
        "image link": "https://cdn.example/coat.jpg?v=1", "g:availability": "out of stock", "price": "1.299,00 EUR",
        "sale price": "999,90 EUR", "sale price effective date": "2020-01-01T00:00+0100/2099-01-01T00:00+0100",
        "gtin": "0012345678905", "mpn": "COAT-M", "product type": "Women > Coats, Sale", "google product category": "1604",
        "color": "Black", "size": "M", "material": "wool", "custom label 0": "new",
    },
    {
        "id": "shopify_DE_7230_42", "item group id": "7230", "title": "Coat &amp; hood - Black / L", "brand": "A &amp; B",
        "link": "https://shop.example/products/coat?variant=42&utm_source=google", "g:availability": "preorder",
        "price": "1.399,00 EUR", "sale price": "9,00 EUR",
        "sale price effective date": "2020-01-01T00:00+0100/2021-01-01T00:00+0100", "gtin": "4.00638E+12",
        "mpn": "COAT-L", "product type": "Women > Coats, Sale", "color": "Black", "size": "L", "material": "wool",
    },
    {
        "id": "9", "title": "Lamp - brass look", "link": "https://shop.example/lamp", "g:availability": "in_stock",
        "price": "EUR 19.99", "google product category": "1604", "mpn": "LAMP",
    },
]
COAT = (
    '{"id": "7230", "title": "Coat & hood", "brand": "A & B", "category": ["Women", "Coats"], "price": 139900, '
    '"currency": "EUR", "available": true, "image": "https://cdn.example/coat.jpg?v=1", "url": "/products/coat", '
    '"attrs": {"colour": "Black", "material": "wool"}, "tags": ["new"], "variants": [{"id": "shopify_DE_7230_41", '
    '"gtin": "0012345678905", "mpn": "COAT-M"}, {"id": "shopify_DE_7230_42", "mpn": "COAT-L"}]}'
)
LAMP = (
    '{"id": "9", "title": "Lamp - brass look", "price": 1999, "currency": "EUR", "available": true, "url": "/lamp", '
    '"variants": [{"id": "9", "mpn": "LAMP"}]}'
)

PRODUCTS = [
    {
        "Handle": "shoe", "Title": "Shoe", "Body (HTML)": "<p>Two\nlines</p>", "Vendor": "Søn", "Type": "Shoes",
        "Tags": "new, leather", "Option1 Name": "Size", "Option1 Value": "40", "Variant SKU": "SHOE-40",
        "Variant Inventory Qty": "0", "Variant Inventory Policy": "deny", "Variant Price": "79.95",
        "Variant Compare At Price": "99.95", "Variant Barcode": "'4006381333931", "Image Src": "https://cdn.example/shoe.jpg",
        "Status": "active",
    },
    {
        "Handle": "shoe", "Option1 Value": "41", "Variant SKU": "SHOE-41", "Variant Inventory Qty": "-2",
        "Variant Inventory Policy": "continue", "Variant Price": "89.9",
    },
    {"Handle": "shoe", "Image Src": "https://cdn.example/shoe-2.jpg"},
    {
        "Handle": "card", "Title": "Gift card", "Product Category": "Arts > Cards", "Option1 Name": "Title",
        "Option1 Value": "Default Title", "Variant Price": "25.00", "Status": "archived",
    },
    {"Handle": "draft", "Title": "Draft", "Variant Price": "1.00", "Status": "draft"},
]
SHOE = (
    '{"id": "shoe", "title": "Shoe", "brand": "Søn", "category": ["Shoes"], "price": 8990, "currency": "EUR", '
    '"available": true, "image": "https://cdn.example/shoe.jpg", "url": "/products/shoe", "tags": ["new", "leather"], '
    '"variants": [{"sku": "SHOE-40", "gtin": "4006381333931"}, {"sku": "SHOE-41"}]}'
)
CARD = (
    '{"id": "card", "title": "Gift card", "category": ["Arts", "Cards"], "price": 2500, "currency": "EUR", '
    '"available": false, "url": "/products/card"}'
)


def analytics(name, visitor, *items, order="(not set)", at_us="1700000000123456"):
    event = {"event_name": name, "event_timestamp": at_us, "items": list(items), "ecommerce": {"transaction_id": order}}
    return event | ({"user_pseudo_id": visitor} if visitor else {})


def item(name, quantity=None):
    return {"item_id": name, "item_name": "…"} | ({"quantity": quantity} if quantity else {})


ANALYTICS = [
    {"event_name": "session_start", "event_timestamp": "1700000000000000", "user_pseudo_id": "1.2"},
    analytics("page_view", "1.2"),
    analytics("view_item_list", "1.2", item("shopify_DE_7230_41"), item("42"), item("9"), item("(not set)")),
    analytics("view_item", None, item("9")),
    analytics("add_to_cart", "1.2", item("COAT-L", "2"), at_us=1700000060000999),
    analytics("purchase", "1.2", item("7230", 2), order="#1001", at_us="1700000090000000"),
    analytics("purchase", "1.2", item("7230", 2), order="#1001", at_us="1700000095000000"),
    analytics("view_item", "3.4", item("gone")),
]

ORDERS = [
    {
        "Name": "#1001", "Email": "a@shop.example", "Financial Status": "paid", "Paid at": "2023-11-14 23:15:00 +0100",
        "Created at": "2023-11-14 23:14:00 +0100", "Lineitem quantity": "2", "Lineitem name": "Coat & hood - Black / L",
        "Lineitem sku": "COAT-L", "Id": "5501",
    },
    {"Name": "#1001", "Email": "a@shop.example", "Lineitem quantity": "1", "Lineitem name": "Lamp - brass look"},
    {
        "Name": "#1002", "Email": "B@shop.example", "Financial Status": "refunded", "Paid at": "2023-11-15 00:00:00 +0000",
        "Lineitem quantity": "1", "Lineitem name": "Coat & hood - Black / M", "Lineitem sku": "",
    },
    {
        "Name": "#1003", "Email": "b@shop.example", "Financial Status": "partially_refunded",
        "Paid at": "2023-11-16 00:00:00 +0000", "Lineitem quantity": "1", "Lineitem sku": "LAMP",
    },
    {
        "Name": "#1004", "Email": "", "Financial Status": "voided", "Created at": "2023-11-16 00:00:00 +0000",
        "Cancelled at": "2023-11-16 01:00:00 +0000", "Lineitem quantity": "1", "Lineitem sku": "LAMP",
    },
    {
        "Name": "#1010", "Email": "b@shop.example", "Financial Status": "refunded", "Paid at": "2023-11-16 00:00:00 +0000",
        "Cancelled at": "2023-11-16 01:00:00 +0000", "Lineitem quantity": "1", "Lineitem sku": "LAMP",
    },
    {
        "Name": "#1005", "Email": "c@shop.example", "Financial Status": "pending", "Lineitem quantity": "1",
        "Created at": "2023-11-16 00:00:00 +0000", "Lineitem sku": "LAMP",
    },
    {
        "Name": "#1006", "Email": "d@shop.example", "Financial Status": "paid", "Paid at": "2023-11-16 00:00:00 +0000",
        "Lineitem quantity": "1", "Lineitem sku": "LAMP", "Tags": "staff, test",
    },
    {
        "Name": "#1007", "Email": "d@shop.example", "Financial Status": "paid", "Paid at": "2023-11-16 00:00:00 +0000",
        "Lineitem quantity": "1", "Lineitem sku": "LAMP", "Payment Method": "bogus",
    },
    {
        "Name": "#1008", "Email": "", "Financial Status": "paid", "Paid at": "2023-11-16 00:00:00 +0000",
        "Lineitem quantity": "1", "Lineitem name": "No such thing", "Lineitem sku": "GONE",
    },
]


def event(visitor, item, kind, ts, qty=None):
    return json.dumps({"visitor": visitor, "item": item, "type": kind, "ts": ts} | ({"qty": qty} if qty else {}))


@unittest.skipIf(sys.version_info < (3, 11), "docs/DATA.md asks for Python 3.11")
class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        page = (REPOSITORY / "docs/DATA.md").read_text(encoding="utf-8")
        self.programs = {name: code for code, name in MARKED.findall(page)}
        for name, code in self.programs.items():
            (self.folder / name).write_text(code, encoding="utf-8")

    def table(self, name, rows, delimiter=",", encoding="utf-8"):
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with open(self.folder / name, "w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, columns, delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)

    def change(self, name, old, new):
        self.assertIn(old, self.programs[name])
        (self.folder / name).write_text(self.programs[name].replace(old, new), encoding="utf-8")

    def run_program(self, name, *arguments, stdin=b""):
        """The lines that it writes, and what it says."""
        done = subprocess.run(
            # As where a page of code is the machine's own: what is written must not depend on it.
            [sys.executable, name, *arguments], cwd=self.folder, input=stdin, capture_output=True,
            env={**os.environ, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode("utf-8").splitlines(), done.stderr.decode()

    def catalogue(self, *lines):
        (self.folder / "catalog.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def validate(self, events):
        (self.folder / "events.jsonl").write_text("".join(f"{line}\n" for line in events), encoding="utf-8")
        if trainer := os.environ.get("VITRINE_TRAINER"):
            done = subprocess.run([trainer, "validate", "--data", self.folder], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def analytics(self):
        return "".join(f"{json.dumps(event)}\n" for event in ANALYTICS).encode()

    def test_every_program_is_in_the_document_and_short(self):
        self.assertEqual(sorted(self.programs), ["catalogue.py", "ga4.py", "merchant.py", "orders.py", "shopify.py"])
        for name, code in self.programs.items():
            self.assertLessEqual(len(code.splitlines()), MOST_LINES, name)

    def test_a_feed_becomes_products(self):
        for delimiter in "\t,;":
            self.table("feed.tsv", FEED, delimiter)
            self.assertEqual(self.run_program("merchant.py", "feed.tsv")[0], [COAT, LAMP])
        self.catalogue(COAT, LAMP)
        self.validate([event("v", "9", "view", 1700000000000)])

    def test_a_feed_becomes_variants(self):
        self.table("feed.tsv", FEED, "\t")
        self.change("merchant.py", 'LEVEL = "product"', 'LEVEL = "variant"')
        lines, _ = self.run_program("merchant.py", "feed.tsv")
        first, second, _ = map(json.loads, lines)
        self.assertEqual((first["id"], first["group"], first["url"]), ("shopify_DE_7230_41", "7230", "/products/coat?variant=41"))
        self.assertEqual((first["title"], first["price"], first["list_price"]), ("Coat & hood - Black / M", 99990, 129900))
        self.assertEqual((first["available"], first["gtin"]), (False, "0012345678905"))
        # A sale that is over, and what a spreadsheet made of a number.
        self.assertEqual((second["price"], second["attrs"]["size"]), (139900, "L"))
        self.assertFalse({"list_price", "gtin"} & second.keys())
        self.catalogue(*lines)
        self.validate([event("v", "COAT-L", "view", 1700000000000)])
        # An event that names the product is one of its first variant.
        lines, _ = self.run_program("ga4.py", "catalog.jsonl", stdin=json.dumps(analytics("view_item", "1", item("7230"))).encode())
        self.assertEqual(lines, [event("1", "shopify_DE_7230_41", "view_item", 1700000000123)])

    def test_shopifys_export_becomes_products(self):
        self.table("products_export.csv", PRODUCTS, encoding="utf-8-sig")
        lines, _ = self.run_program("shopify.py", "products_export.csv", "EUR")
        self.assertEqual(lines, [SHOE, CARD])
        self.catalogue(*lines)
        self.validate([event("v", "shoe", "view", 1700000000000)])

    def test_prices_are_minor_units(self):
        prices = ["19,99 EUR", "19.99", "19.9", "1.299,00 EUR", "1,299.00", "1'299.00 CHF", "1 299,5 €", "1299", "19.9900", ""]
        code = f"from catalogue import minor; print([minor(price) for price in {prices!r}])"
        done = subprocess.run([sys.executable, "-c", code], cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), str([1999, 1999, 1990, 129900, 129900, 129900, 129950, 129900, 1999, None]))
        self.change("catalogue.py", "DIGITS = 2", "DIGITS = 0")
        code = "from catalogue import minor; print(minor('1,500 JPY'), minor('1500.00'))"
        done = subprocess.run([sys.executable, "-c", code], cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "1500 1500")

    def test_analytics_becomes_events(self):
        self.catalogue(COAT, LAMP)
        lines, said = self.run_program("ga4.py", "catalog.jsonl", stdin=self.analytics())
        self.assertEqual(lines, [
            event("1.2", "7230", "view_item_list", 1700000000123),
            event("1.2", "7230", "view_item_list", 1700000000123),
            event("1.2", "9", "view_item_list", 1700000000123),
            event("1.2", "7230", "add_to_cart", 1700000060000, 2),
            event("1.2", "7230", "purchase", 1700000090000, 2),
            event("3.4", "gone", "view_item", 1700000000123),
        ])
        self.assertEqual(said.strip(), "{'item (not set)': 1, 'without user_pseudo_id': 1, 'purchase told twice': 1}")
        self.validate(lines)

    def test_orders_become_events(self):
        self.catalogue(COAT, LAMP)
        self.table("orders_export.csv", ORDERS)
        lines, said = self.run_program("orders.py", "catalog.jsonl", "orders_export.csv")
        of_buyers = [
            event("buyer-2", "7230", "purchase", 1700006400000, 1),
            event("buyer-2", "7230", "return", 1701216000000, 1),
            event("buyer-2", "9", "purchase", 1700092800000, 1),
        ]
        anonymous = event("order-1004", "9", "order_cancel", 1700096400000, 1)
        cancelled = [
            event("buyer-2", "9", "purchase", 1700092800000, 1),
            event("buyer-2", "9", "order_cancel", 1700096400000, 1),
        ]
        of_a = [event("buyer-1", "7230", "purchase", 1700000100000, 2), event("buyer-1", "9", "purchase", 1700000100000, 1)]
        self.assertEqual(lines, [*of_a, *of_buyers, anonymous, *cancelled])
        self.assertEqual(said.strip(), "{'test': 2, 'unknown: No such thing': 1}")
        self.assertNotIn("@", "".join(lines))
        self.validate(lines)

        # Joined with Analytics, the first order is its visitor's.
        (self.folder / "ga4.json").write_bytes(self.analytics())
        joined, _ = self.run_program("orders.py", "catalog.jsonl", "orders_export.csv", "ga4.json")
        of_visitor = [line.replace("buyer-1", "1.2") for line in of_a]
        others = [line.replace("buyer-2", "buyer-1") for line in [*of_buyers, anonymous, *cancelled]]
        self.assertEqual(joined, [*of_visitor, *others])

        self.change("orders.py", "KEEP_ANONYMOUS = True", "KEEP_ANONYMOUS = False")
        self.assertEqual(self.run_program("orders.py", "catalog.jsonl", "orders_export.csv")[0], [*of_a, *of_buyers, *cancelled])


if __name__ == "__main__":
    unittest.main()
