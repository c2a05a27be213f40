"""Files up and down: documents, photos, albums, getFile."""

from __future__ import annotations

from tests.platforms.telegram_server import content
from tests.platforms.telegram_server.api_messages import new_message, post
from tests.platforms.telegram_server.calls import Call, Method
from tests.platforms.telegram_server.errors import bad_request
from tests.platforms.telegram_server.model import StoredFile
from tests.platforms.telegram_server.parameters import Part
from tests.platforms.telegram_server.payload import message_json

MAX_PHOTO = 10 * 1024 * 1024


def _stored(call: Call, given: Part | str, kind: str) -> StoredFile:
    if isinstance(given, str):
        if not given:
            raise bad_request(f"there is no {kind} in the request")
        if given in call.world.files:
            return call.world.files[given]
        if given.startswith(("http://", "https://")):
            raise bad_request("failed to get HTTP URL content")
        raise bad_request("wrong file identifier/HTTP URL specified")
    if not given.content:
        raise bad_request("file must be non-empty")
    if kind == "photo" and len(given.content) > MAX_PHOTO:
        raise bad_request("file is too big")
    return call.world.store(
        given.filename, given.media_type, kind, given.content, len(given.content)
    )


def _send(call: Call, kind: str) -> dict:
    chat = call.target()
    text, entities = content.formatted(
        call, "caption", content.MAX_CAPTION, "message caption is too long"
    )
    message = new_message(call, chat)
    message.text, message.entities = text, entities
    message.files = [_stored(call, call.given.file(kind), kind)]
    return post(call, message)


def send_document(call: Call) -> dict:
    return _send(call, "document")


def send_photo(call: Call) -> dict:
    return _send(call, "photo")


def send_media_group(call: Call) -> list[dict]:
    chat = call.target()
    media = call.given.data("media") or []
    if not 2 <= len(media) <= 10:
        raise bad_request("group send failed: 2 to 10 items expected")
    call.bot.flood.spend(chat.chat_id, chat.kind, len(media))
    album, sent = call.world.new_album(), []
    for item in media:
        given: Part | str = item["media"]
        if str(given).startswith("attach://"):
            given = call.given.parts[str(given).removeprefix("attach://")]
        message = new_message(call, chat)
        message.message_id = call.world.new_id(chat)
        message.album, message.text = album, item.get("caption", "")
        message.files = [_stored(call, given, item["type"])]
        sent.append(call.world.put(message))
    return [message_json(message) for message in sent]


def get_file(call: Call) -> dict:
    file_id = call.given.text("file_id")
    stored = call.world.files.get(file_id) or call.world.files.get(file_id.removesuffix("s"))
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    limit = call.options.download_limit
    if limit is not None and stored.size > limit:
        raise bad_request("file is too big")
    path = stored.path
    if (folder := call.options.local_folder) is not None:
        place = folder / path.replace("/", "-")
        place.write_bytes(stored.content)
        path = str(place)
    return {
        "file_id": stored.file_id,
        "file_unique_id": stored.unique_id,
        "file_size": stored.size,
        "file_path": path,
    }


METHODS: dict[str, Method] = {
    "sendDocument": send_document,
    "sendPhoto": send_photo,
    "sendMediaGroup": send_media_group,
    "getFile": get_file,
}
