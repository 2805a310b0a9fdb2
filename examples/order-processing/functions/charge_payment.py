"""Charges a card through a gateway that is busy the first time that an execution asks."""
import hashlib
import os
import pathlib

from lambda_runtime import serve

PAYMENTS = pathlib.Path(os.environ["DATA_DIR"], "payments")
DECLINED = "4000-0000-0000-0002"


class GatewayBusy(Exception):
    """Worth another try."""


class PaymentDeclined(Exception):
    """The card will not work the next time either."""


def charge_payment(charge):
    attempt = count_attempt(charge["execution"])
    print(f"attempt {attempt} to charge {charge['cents']} cents for {charge['order']}", flush=True)
    if attempt == 1:
        raise GatewayBusy("the gateway is busy; try again")
    if charge["card"] == DECLINED:
        raise PaymentDeclined(f"the card ending in {charge['card'][-4:]} was declined")
    payment = hashlib.sha256(f"{charge['order']} {charge['cents']}".encode()).hexdigest()[:12]
    return {"payment": payment, "attempts": attempt}


def count_attempt(execution):
    """How often this execution has asked, kept in a file: the next attempt may run in another process."""
    PAYMENTS.mkdir(parents=True, exist_ok=True)
    with open(PAYMENTS / f"{execution}.attempts", "a+", encoding="utf-8") as file:
        file.write("attempt\n")
        file.seek(0)
        return len(file.readlines())


serve(charge_payment)
