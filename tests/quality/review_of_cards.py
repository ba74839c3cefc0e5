"""Judges scores of card payments as their readers would use them: so many cards are looked at on each day. For tests only.

A fold has a first day S. Its test week is the days S + 14 to S + 20. On each of these days the customers are left out of whom a fraud was
known before: one in the week from S on, or one on a day up to eight days before. A card that was found once is not looked at again.
"""

import datetime
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

CARDS_A_DAY = 100
DAY_MS = 86_400_000
_GAP, _WEEK = 14, 7


@dataclass(frozen=True)
class Payments:
    """Card payments in columns [n]: the day of each, counted from any one, its customer, and whether it was a fraud."""

    days: NDArray[np.int64]
    customers: NDArray[np.int64]
    frauds: NDArray[np.bool_]


def payments_of(file: pathlib.Path, ids: NDArray[np.int64]) -> Payments:
    """Returns the payments of the data set with these ids, in their order."""
    table = pyarrow.parquet.read_table(file)
    known = table["TRANSACTION_ID"].to_numpy()
    order = np.argsort(known)
    at = order[np.searchsorted(known[order], ids)]
    days = table["TX_DATETIME"].to_numpy().astype("datetime64[ms]").astype(np.int64)[at] // DAY_MS + datetime.date(1970, 1, 1).toordinal()
    return Payments(days, table["CUSTOMER_ID"].to_numpy().astype(np.int64)[at], table["TX_FRAUD"].to_numpy()[at] == 1)


def week_to_judge(payments: Payments, first: int) -> NDArray[np.int64]:
    """Returns the rows of the test week of the fold that begins with the day `first`, without customers of whom frauds were known."""
    return np.concatenate([_kept_on(payments, first, day) for day in range(first + _GAP, first + _GAP + _WEEK)])


def card_precision(payments: Payments, rows: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Returns the share of frauds among the cards that are looked at.

    Args:
        rows: the payments that count, by `week_to_judge`.
        scores: [n] of all payments; of two cards with one score, that of the lesser customer is looked at.
    """
    found: set[int] = set()
    shares = []
    for day in np.unique(payments.days[rows]):
        today = rows[payments.days[rows] == day]
        today = today[~np.isin(payments.customers[today], list(found))]
        hits = [customer for customer, is_fraud in _looked_at(payments, today, scores) if is_fraud]
        found.update(hits)
        shares.append(len(hits) / CARDS_A_DAY)
    return float(np.mean(shares))


def _kept_on(payments: Payments, first: int, day: int) -> NDArray[np.int64]:
    known_day = (payments.days >= first) & (payments.days <= max(first + _WEEK - 1, day - _WEEK - 1))
    known = np.unique(payments.customers[known_day & payments.frauds])
    return np.flatnonzero((payments.days == day) & ~np.isin(payments.customers, known))


def _looked_at(payments: Payments, today: NDArray[np.int64], scores: NDArray[np.float64]) -> Iterator[tuple[int, bool]]:
    """Yields the cards with the highest scores of a day, and whether one of their payments on it was a fraud."""
    customers, of_customer = np.unique(payments.customers[today], return_inverse=True)
    highest = np.full(len(customers), -np.inf)
    np.maximum.at(highest, of_customer, scores[today])
    fraud = np.zeros(len(customers), bool)
    np.logical_or.at(fraud, of_customer, payments.frauds[today])
    for at in np.lexsort((customers, -highest))[:CARDS_A_DAY]:
        yield int(customers[at]), bool(fraud[at])
