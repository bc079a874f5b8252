"""A headless Chromium with one page, driven over its debugging socket."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

LISTENS = "DevTools listening on "
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Tab:
    """The page. For one task."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self._session: str | None = None

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Of the protocol; raises AssertionError for what the browser refuses."""
        self._last += 1
        request = {"id": self._last, "method": method, "params": params}
        if self._session:
            request["sessionId"] = self._session
        await self._socket.send_json(request)
        while (answer := await self._socket.receive_json()).get("id") != self._last:
            pass
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    async def attach(self) -> None:
        """Take the browser's first page."""
        targets = (await self.ask("Target.getTargets"))["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        attached = await self.ask("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]

    async def look(self, path: Path, width: int, height: int, scheme: str = "light") -> None:
        """Show the file, in a window of this size, in a light or dark scheme of colours."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        await self.ask("Emulation.setDeviceMetricsOverride", **size)
        colours = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.ask("Emulation.setEmulatedMedia", features=colours)
        await self.ask("Page.enable")
        await self.ask("Page.navigate", url=path.absolute().as_uri())
        loaded = "new Promise(done => document.readyState === 'complete' ? done(1) :"
        await self.value(f"{loaded} window.addEventListener('load', () => done(1)))")

    async def value(self, expression: str) -> Any:
        """Of an expression of JavaScript, waited for where it is a promise."""
        told = await self.ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def press(self, *keys: str) -> None:
        """One after the other."""
        for key in keys:
            await self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def picture(self, path: Path) -> None:
        """A PNG file of what the window shows."""
        taken = await self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(taken["data"]))


@asynccontextmanager
async def browsing(chromium: str, profile: Path) -> AsyncIterator[Tab]:
    """A browser that ends with the block."""
    command = (chromium, *OPTIONS, "--remote-debugging-port=0", f"--user-data-dir={profile}")
    process = await asyncio.create_subprocess_exec(
        *command, "about:blank", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        address = ""
        async for line in process.stderr:
            if (text := line.decode()).startswith(LISTENS):
                address = text.removeprefix(LISTENS).strip()
                break
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(address, max_msg_size=0) as socket,
        ):
            tab = Tab(socket)
            await tab.attach()
            yield tab
    finally:
        process.terminate()
        await process.wait()
