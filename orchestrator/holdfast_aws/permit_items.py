"""The items that limits need: in table keys the permits of a scope and its line, in table registry the rules."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from holdfast_aws.attributes import BytesAttribute, IntAttribute


class PermitsItem(Model):
    """Table keys: the permits of a scope that are out; the version is raised with every write."""

    scope = UnicodeAttribute(hash_key=True, attr_name="p")
    sort = UnicodeAttribute(range_key=True, attr_name="s", default="l")
    out = UnicodeAttribute(attr_name="o")
    version = IntAttribute(attr_name="n")


class WaitingItem(Model):
    """Table keys: who stands in the line of a scope; the sort key begins with how long."""

    scope = UnicodeAttribute(hash_key=True, attr_name="p")
    sort = UnicodeAttribute(range_key=True, attr_name="s")
    invocation_id = UnicodeAttribute(attr_name="h")
    limit_key = UnicodeAttribute(attr_name="L", null=True)


class RulesItem(Model):
    """Table registry: all rules, compressed."""

    kind = UnicodeAttribute(hash_key=True, attr_name="p", default="r")
    sort = UnicodeAttribute(range_key=True, attr_name="s", default="r")
    content = BytesAttribute(attr_name="v")
    version = IntAttribute(attr_name="n")
