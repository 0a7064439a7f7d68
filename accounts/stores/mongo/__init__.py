"""The stores on MongoDB, by PyMongo: a replica set, of one node or of several."""

from accounts.stores.mongo.accounts import MongoAccountStore
from accounts.stores.mongo.counters import MongoCounters
from accounts.stores.mongo.database import MongoDatabase, restoring, upgrade
from accounts.stores.mongo.users import MongoUserStore

__all__ = [
    "MongoAccountStore",
    "MongoCounters",
    "MongoDatabase",
    "MongoUserStore",
    "restoring",
    "upgrade",
]
