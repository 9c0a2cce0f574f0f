"""Fills the databases of a platform that was migrated and never used: orders with their history, transfers of the
ledger and movements of stock, in the proportions 2 : 4 : 2 : 2. Ids grow with time, as the platform's own do."""
import json
import os
import sqlite3
import sys

folder, total = sys.argv[1], int(sys.argv[2])
orders = total // 5
when = 1_760_000_000_000_000


def uuid(n, kind):
    milliseconds = when // 1000 + n
    text = f"{milliseconds:012x}7{n % 4096:03x}8{kind:03x}{os.urandom(6).hex()}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def database(name):
    connection = sqlite3.connect(f"{folder}/{name}.sqlite")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


ids = [uuid(n, 1) for n in range(orders)]
details = json.dumps({
    "lines": [{"sku": "MUG-BLUE", "quantity": 2, "price": {"amount": 1299, "currency": "USD"}, "title": "A blue mug"}],
    "shipping_address": {"name": "A. Buyer", "line1": "1 High Street", "city": "Bonn", "country": "DE"}})

connection = database("order_db")
connection.executemany(
    """INSERT INTO orders (id, number, user_id, status, payment_status, fulfillment_status, currency, total, details,
         payment_id, version, placed_at, updated_at)
       VALUES (?, ?, ?, 'confirmed', 'paid', 'unfulfilled', 'USD', 2598, ?, ?, 3, ?, ?)""",
    ((ids[n], f"N{n:010}", ids[n % 1000], details, ids[n], when + n, when + n) for n in range(orders)))
connection.executemany(
    """INSERT INTO order_history (order_id, version, status, payment_status, fulfillment_status, reason, at)
       VALUES (?, ?, 'confirmed', 'paid', 'unfulfilled', 'payment_captured', ?)""",
    ((ids[n // 2], n % 2 + 1, when + n) for n in range(2 * orders)))
connection.commit()

connection = database("payment_db")
connection.executemany(
    """INSERT INTO ledger_transfers (id, phase, code, currency, debit, credit, amount, payment_id, attempt_id, created_at)
       VALUES (?, 'single', 'capture', 'USD', 'USD:provider', 'USD:revenue', 2598, ?, ?, ?)""",
    ((uuid(n, 2), ids[n], uuid(n, 3), when + n) for n in range(orders)))
connection.commit()

connection = database("inventory_db")
left = total - 4 * orders
connection.executemany(
    """INSERT INTO movements (sku, location, number, reason, delta, reserved_delta, allocated_delta, reference, created_at)
       VALUES (?, 'main', ?, 'sold', -2, 0, -2, ?, ?)""",
    ((f"SKU-{n % 1000:04}", n // 1000, ids[n % orders], when + n) for n in range(left)))
connection.commit()
