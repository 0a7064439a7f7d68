"""The stores on MongoDB, by PyMongo: a replica set, of one node or of several."""

from accounts_bank.stores.mongo.accounts import MongoAccountStore
from accounts_bank.stores.mongo.counters import MongoCounters
from accounts_bank.stores.mongo.database import MongoDatabase, restoring, upgrade
from accounts_bank.stores.mongo.users import MongoUserStore

__all__ = [
    "MongoAccountStore",
    "MongoCounters",
    "MongoDatabase",
    "MongoUserStore",
    "restoring",
    "upgrade",
]
