"""`ml-intern slack`: the app in Slack."""

import typer

app = typer.Typer(name="slack", no_args_is_help=True, help="Set up the app in Slack.")


@app.callback()
def slack_commands() -> None:
    """Set up the app in Slack. See docs/slack.md."""


@app.command()
def manifest() -> int:
    """Print what Slack asks for when an app is made "from a manifest", as JSON.

    It asks for the least that is needed; `ml-intern doctor` checks what was granted.
    """
    from ml_intern.cli import slack_setup

    return slack_setup.manifest()
