"""Checks an order against the catalogue and adds up its items."""
import json
import os

from lambda_runtime import serve

with open(os.environ["CATALOGUE"], encoding="utf-8") as file:
    CATALOGUE = json.load(file)


class InvalidOrder(Exception):
    """The order cannot be fulfilled, whatever is tried."""


def check_order(order):
    lines = [line(item) for item in order["items"]]
    if not lines:
        raise InvalidOrder(f"{order['order']} has no items")
    return {
        "lines": [{"text": text, "cents": cents} for text, cents, _ in lines],
        "cents": sum(cents for _, cents, _ in lines),
        "grams": sum(grams for _, _, grams in lines),
    }


def line(item):
    """Text, price and weight of one item."""
    sku, quantity = item["sku"], item["quantity"]
    if sku not in CATALOGUE:
        raise InvalidOrder(f"there is no {sku} in the catalogue")
    if quantity < 1:
        raise InvalidOrder(f"{quantity} of {sku} cannot be ordered")
    product = CATALOGUE[sku]
    return f"{quantity} x {product['name']}", quantity * product["cents"], quantity * product["grams"]


serve(check_order)
