"""Fields and a permission set as Metadata API components: one archive to deploy, or a source folder. Pure."""

import io
import zipfile
from collections.abc import Collection, Iterator, Mapping
from xml.sax.saxutils import escape

from connector.crm.salesforce.fields import OWN, PERMISSION_SET, RECORD_OBJECT, OwnField

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
_OF_OBJECT = (
    "<deploymentStatus>Deployed</deploymentStatus><label>Stripe Sync Record</label>"
    "<nameField><displayFormat>SR-{000000}</displayFormat><label>Number</label><type>AutoNumber</type></nameField>"
    "<pluralLabel>Stripe Sync Records</pluralLabel><sharingModel>ReadWrite</sharingModel>"
)

Fields = Mapping[str, Collection[OwnField]]


def archive(missing: Fields, granted: Fields, version: str, *, new_object: bool) -> bytes:
    """Return a zip: the missing fields by object, and a permission set that grants `granted`."""
    files = {f"objects/{name}.object": _object(name, fields, new=new_object) for name, fields in missing.items()}
    files[f"permissionsets/{PERMISSION_SET}.permissionset"] = permission_set(granted)
    members = [f"{name}.{field.name}" for name, fields in missing.items() for field in fields]
    objects = [RECORD_OBJECT] if new_object else []
    files["package.xml"] = _package(
        {"CustomObject": objects, "CustomField": members, "PermissionSet": [PERMISSION_SET]}, version
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return out.getvalue()


def source_files() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file of an sfdx source folder, for admins who deploy by hand."""
    base = "force-app/main/default"
    body = f"{_HEAD}<CustomObject {_SPACE}>{_OF_OBJECT}</CustomObject>\n"
    yield f"{base}/objects/{RECORD_OBJECT}/{RECORD_OBJECT}.object-meta.xml", body
    for name, fields in OWN.items():
        for field in fields:
            text = f"{_HEAD}<CustomField {_SPACE}>{_field(field)}</CustomField>\n"
            yield f"{base}/objects/{name}/fields/{field.name}.field-meta.xml", text
    yield f"{base}/permissionsets/{PERMISSION_SET}.permissionset-meta.xml", permission_set(OWN)
    yield "sfdx-project.json", '{"packageDirectories": [{"path": "force-app", "default": true}]}\n'


def permission_set(granted: Fields) -> str:
    """Return the integration user's permission set. Required fields may not be named in one."""
    rows = "".join(
        f"<fieldPermissions><editable>{str(field.editable).lower()}</editable>"
        f"<field>{name}.{field.name}</field><readable>true</readable></fieldPermissions>"
        for name, fields in granted.items()
        for field in fields
        if not field.required
    )
    rights = "".join(f"<{each}>true</{each}>" for each in ("allowCreate", "allowEdit", "allowRead"))
    owned = f"<objectPermissions>{rights}<object>{RECORD_OBJECT}</object></objectPermissions>"
    label = "<hasActivationRequired>false</hasActivationRequired><label>Stripe Connector Integration</label>"
    return f"{_HEAD}<PermissionSet {_SPACE}>{rows}{label}{owned}</PermissionSet>\n"


def _object(name: str, fields: Collection[OwnField], *, new: bool) -> str:
    head = _OF_OBJECT if new and name == RECORD_OBJECT else ""
    rows = "".join(f"<fields>{_field(field)}</fields>" for field in fields)
    return f"{_HEAD}<CustomObject {_SPACE}>{head}{rows}</CustomObject>\n"


def _field(field: OwnField) -> str:
    label = field.name.removesuffix("__c").replace("_", " ")
    parts = [f"<fullName>{field.name}</fullName>"]
    parts += ["<defaultValue>false</defaultValue>"] if field.type == "Checkbox" else []
    parts += [f"<externalId>{str(field.external_id).lower()}</externalId>"] if field.type == "Text" else []
    parts += [f"<inlineHelpText>{escape(field.says)}</inlineHelpText>", f"<label>{escape(label)}</label>"]
    parts += [f"<length>{field.length}</length>"] if field.length else []
    parts += ["<precision>18</precision><scale>2</scale>"] if field.type == "Currency" else []
    parts += ["<precision>18</precision><scale>0</scale>"] if field.type == "Number" else []
    parts += (
        [f"<referenceTo>{field.refers}</referenceTo>", "<relationshipName>Stripe_Sync_Records</relationshipName>"]
        if field.refers
        else []
    )
    parts += ["<required>true</required>"] if field.required else []
    parts += [f"<type>{field.type}</type>"]
    parts += ["<unique>true</unique>"] if field.unique else []
    parts += [_values(field)] if field.values else []
    parts += ["<visibleLines>4</visibleLines>"] if field.type == "LongTextArea" else []
    return "".join(parts)


def _values(field: OwnField) -> str:
    rows = "".join(
        f"<value><fullName>{each}</fullName><default>false</default><label>{each}</label></value>"
        for each in field.values
    )
    listed = f"<valueSetDefinition><sorted>false</sorted>{rows}</valueSetDefinition>"
    return f"<valueSet><restricted>true</restricted>{listed}</valueSet>"


def _package(types: Mapping[str, Collection[str]], version: str) -> str:
    rows = "".join(
        f"<types>{''.join(f'<members>{each}</members>' for each in sorted(members))}<name>{name}</name></types>"
        for name, members in types.items()
        if members
    )
    return f"{_HEAD}<Package {_SPACE}>{rows}<version>{version}</version></Package>\n"
