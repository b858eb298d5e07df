"""Describe answers, with the properties clients decide by (vendor page on sObject Describe)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.schema import FLOAT_TYPES, TEXT_TYPES

if TYPE_CHECKING:
    from connector.sandbox.salesforce.schema import Field, Schema, SObject

_SOAP = {"id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "date": "xsd:date"}


def describe_global(schema: Schema, version: str) -> dict[str, Any]:
    """GET sobjects."""
    objects = [summary(sobject, version) for sobject in sorted(schema.objects.values(), key=lambda o: o.name)]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}


def summary(sobject: SObject, version: str) -> dict[str, Any]:
    """Return what the global list says about one object."""
    base = f"/services/data/v{version}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.prefix,
        "custom": sobject.custom,
        "createable": True,
        "updateable": True,
        "deletable": True,
        "undeletable": True,
        "queryable": True,
        "retrieveable": True,
        "replicateable": True,
        "searchable": True,
        "triggerable": True,
        "layoutable": True,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def describe_sobject(schema: Schema, sobject: SObject, version: str) -> dict[str, Any]:
    """GET sobjects/{object}/describe."""
    children = [
        {
            "childSObject": child.name,
            "field": lookup.name,
            "relationshipName": lookup.child_relationship,
            "cascadeDelete": not lookup.nillable and not lookup.updateable,
            "restrictedDelete": False,
            "deprecatedAndHidden": False,
        }
        for child, lookup in schema.children(sobject)
    ]
    fields = [describe_field(column, sobject) for column in sobject.fields.values()]
    return {**summary(sobject, version), "fields": fields, "childRelationships": children, "recordTypeInfos": []}


def describe_field(column: Field, sobject: SObject) -> dict[str, Any]:
    """One entry of ``fields``."""
    number = column.type in FLOAT_TYPES
    return {
        "name": column.name,
        "label": column.name.removesuffix("__c").replace("SBQQ__", "").replace("_", " "),
        "type": column.type,
        "soapType": _SOAP.get(column.type, "xsd:double" if number else "xsd:string"),
        "length": column.length,
        "byteLength": column.length * 3,
        "precision": 18 if number else 0,
        "scale": 2 if column.type in {"currency", "percent"} else 6 if number else 0,
        "digits": 9 if column.type == "int" else 0,
        "nillable": column.nillable,
        "createable": column.createable,
        "updateable": column.updateable,
        "calculated": column.calculated,
        "autoNumber": column.auto_number,
        "custom": column.custom,
        "externalId": column.external_id,
        "idLookup": column.external_id or column.type == "id",
        "unique": column.unique,
        "caseSensitive": False,
        "filterable": column.type != "textarea",
        "sortable": column.type != "textarea",
        "groupable": column.type in TEXT_TYPES - {"textarea"} or column.type == "reference",
        "nameField": column.name in {"Name", f"{sobject.name}Number"},
        "restrictedPicklist": column.restricted,
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
            for value in column.values
        ],
        "referenceTo": list(column.reference_to),
        "relationshipName": column.relationship,
        "defaultedOnCreate": column.type == "boolean" or column.auto_number,
        "permissionable": column.custom and column.nillable,
        "compoundFieldName": None,
    }
