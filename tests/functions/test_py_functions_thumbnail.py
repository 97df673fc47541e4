"""The Python function `thumbnail`, on images that Pillow made."""

from __future__ import annotations

import base64
import importlib
import io
import json

import pytest
from function_directories import ROOT
from PIL import Image

STYLES = ["eager", "lazy"]
NOTIFICATION = json.loads((ROOT / "fixtures" / "events" / "s3_object_created.json").read_text())
UPLOAD = "coldbench-photos/uploads/café table.png"
EXIF_ORIENTATION = 0x0112


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def decoded(answer: dict[str, object]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["image"])))


def in_event(image: bytes) -> str:
    return base64.b64encode(image).decode()


@pytest.fixture(name="serve", params=STYLES)
def _serve(request, load, aws):
    module = load("thumbnail", request.param, AWS_ENDPOINT_URL=aws.url)
    return lambda **event: module.handler(event, None)


@pytest.fixture(name="errors")
def _errors(serve):
    return importlib.import_module("images")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_fits_an_image_into_the_box(serve, image_format):
    """The proportions stay, and so does the format."""
    image = encoded(Image.new("RGB", (200, 100), "navy"), image_format)

    answer = serve(image=in_event(image), max_width=40, max_height=40)

    small = decoded(answer)
    assert (small.format, small.size) == (image_format, (40, 20))
    assert small.convert("RGB").getpixel((5, 5))[2] in range(120, 136)
    assert {key: answer[key] for key in ("width", "height", "content_type", "source")} == {
        "width": 40,
        "height": 20,
        "content_type": f"image/{image_format.lower()}",
        "source": {"format": image_format, "width": 200, "height": 100, "bytes": len(image)},
    }
    assert answer["bytes"] == len(base64.b64decode(answer["image"]))


def test_does_not_enlarge(serve):
    """A small image stays as small as it is."""
    image = encoded(Image.new("RGB", (20, 10)), "PNG")

    assert decoded(serve(image=in_event(image))).size == (20, 10)


def test_turns_an_image_upright_and_drops_its_metadata(serve):
    """A phone's rotation is applied, and where the picture was taken is not told."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    image = Image.new("RGB", (200, 100))
    photo = encoded(image, "JPEG", exif=exif, comment=b"at home")

    small = decoded(serve(image=in_event(photo), max_width=50, max_height=50))

    assert small.size == (25, 50)
    assert not small.getexif()
    assert "comment" not in small.info


def test_transparency_stays_in_png_and_becomes_white_in_jpeg(serve):
    """JPEG has no transparency."""
    image = in_event(encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"))

    png, jpeg = (decoded(serve(image=image, format=wanted)) for wanted in ("PNG", "JPEG"))

    assert png.getpixel((9, 9))[3] == 0
    assert jpeg.getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGBA"])
def test_every_mode_of_png_can_be_shrunk(serve, mode):
    """Palettes, grey and 16 bits are images like others."""
    image = in_event(encoded(Image.new(mode, (64, 32)), "PNG"))

    assert decoded(serve(image=image, max_width=16, format="JPEG")).size == (16, 8)


def test_inspect_reads_the_header_only(serve):
    """The size is known without decoding a pixel: half a file is enough."""
    image = encoded(Image.effect_noise((300, 200), 50), "JPEG", progressive=True)

    answer = serve(action="inspect", image=in_event(image[: len(image) // 2]))

    assert (answer["source"]["width"], answer["source"]["height"]) == (300, 200)


def test_takes_the_image_from_s3(serve, aws):
    """A bucket and a key do instead of the image itself."""
    image = encoded(Image.new("RGB", (200, 100)), "PNG")
    aws.objects["photos/a b.png"] = image

    answer = serve(bucket="photos", key="a b.png", max_width=20)

    assert answer == serve(image=in_event(image), max_width=20)


def test_answers_a_notification_with_a_thumbnail_beside_the_object(serve, aws):
    """S3's own event is enough; the key in it is URL-encoded."""
    aws.objects[UPLOAD] = encoded(Image.new("RGB", (512, 256)), "PNG")

    answer = serve(**NOTIFICATION)

    key = UPLOAD.removeprefix("coldbench-photos/")
    stored = aws.objects[f"coldbench-photos/thumbnails/{key}"]
    assert Image.open(io.BytesIO(stored)).size == (128, 64)
    assert aws.content_types == {f"coldbench-photos/thumbnails/{key}": "image/png"}
    assert answer["results"] == [
        {
            "bucket": "coldbench-photos",
            "key": key,
            "thumbnail": f"thumbnails/{key}",
            "width": 128,
            "height": 64,
            "bytes": len(stored),
        }
    ]


def test_does_not_make_thumbnails_of_thumbnails(serve, aws):
    """The notification of the function's own output ends there."""
    record = {"s3": {"bucket": {"name": "photos"}, "object": {"key": "thumbnails/a.png"}}}

    answer = serve(Records=[record])

    assert answer["results"][0]["skipped"] == "already a thumbnail"
    assert aws.objects == {}


@pytest.mark.parametrize(
    ("refusal", "code"), [(None, "NoSuchKey"), ((403, "AccessDenied"), "AccessDenied")]
)
def test_an_object_that_cannot_be_read_is_named(serve, aws, refusal, code):
    """The error says which object, and S3's own code."""
    aws.refusal = refusal
    objects = importlib.import_module("objects")

    with pytest.raises(objects.ObjectError, match=f"s3://photos/x.png.*{code}"):
        serve(bucket="photos", key="x.png")


def test_an_object_that_is_too_large_is_not_read(serve, aws):
    """Memory is not spent on what would be refused."""
    aws.objects["photos/x.png"] = bytes(20_000_001)
    objects = importlib.import_module("objects")

    with pytest.raises(objects.ObjectTooLargeError, match="20000001 bytes"):
        serve(bucket="photos", key="x.png")


def png_header(width: int, height: int) -> bytes:
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + size


@pytest.mark.parametrize("action", ["inspect", "thumbnail"])
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "neither PNG nor JPEG"),
        (b"GIF89a", "neither PNG nor JPEG"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x00\xff\xd9 no frame", "damaged"),
        (png_header(0, 5), "damaged"),
        (b"\x89PNG\r\n\x1a\n too short", "damaged"),
    ],
)
def test_what_is_no_image_is_refused(serve, errors, action, image, message):
    """Both actions refuse the same images."""
    with pytest.raises(errors.InvalidImageError, match=message):
        serve(action=action, image=in_event(image))


@pytest.mark.parametrize("action", ["inspect", "thumbnail"])
def test_an_image_with_too_many_pixels_is_refused_unseen(serve, errors, action):
    """A few bytes that claim gigapixels never reach the decoder."""
    with pytest.raises(errors.ImageTooLargeError, match="100000 x 100000 pixels"):
        serve(action=action, image=in_event(png_header(100_000, 100_000)))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_an_image_that_breaks_off_is_refused(serve, errors, image_format):
    """A good header does not make a good image."""
    image = encoded(Image.effect_noise((64, 64), 50), image_format)

    with pytest.raises(errors.InvalidImageError, match="cannot be decoded"):
        serve(image=in_event(image[: len(image) // 2]))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "either the image as base64, or the bucket and key"),
        ({"image": "AAAA", "bucket": "b", "key": "k"}, "either"),
        ({"bucket": "b"}, "either"),
        ({"bucket": "b", "key": ""}, "either"),
        ({"image": "not base64!"}, "not valid base64"),
        ({"image": "é"}, "not valid base64"),
        ({"image": "AAAA", "max_width": 0}, "max_width must be"),
        ({"image": "AAAA", "max_height": 1_025}, "max_height must be"),
        ({"image": "AAAA", "max_width": True}, "max_width must be"),
        ({"image": "AAAA", "format": "GIF"}, "format must be one of JPEG, PNG"),
        ({"image": "AAAA", "action": "enlarge"}, "action must be"),
        ({"Records": [{"eventSource": "aws:sqs"}]}, "not a notification of S3"),
        ({"Records": 7}, "not a notification of S3"),
    ],
)
def test_a_request_that_is_wrong_is_refused(serve, errors, event, message):
    """The error says what a request may be."""
    with pytest.raises(errors.InvalidRequestError, match=message):
        serve(**event)
