"""`connector map`: mapping files checked, tried, tested and compared before they bill anything."""

import typer

from connector.cli.map_check import check
from connector.cli.map_edit import new, schema, set_command
from connector.cli.map_fields import fields
from connector.cli.map_impact import diff, impact_command, snapshot
from connector.cli.map_try import run_tests, try_record

app = typer.Typer(help="Mapping files: check, try, test, and see what a change would do.", no_args_is_help=True)
app.command("check")(check)
app.command("fields")(fields)
app.command("try")(try_record)
app.command("test")(run_tests)
app.command("impact")(impact_command)
app.command("diff")(diff)
app.command("new")(new)
app.command("set")(set_command)
app.command("snapshot")(snapshot)
app.command("schema")(schema)
