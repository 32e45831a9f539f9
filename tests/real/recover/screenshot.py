#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renders a page in headless Chromium and says where given colours are on it.

    screenshot.py PAGE.html WIDTH HEIGHT '#rrggbb'...

One line for every block of rows that look the same in these colours: first row, row behind the last, and
the runs of pixels as COLOUR:BEGIN-END. `title` and `text` lines give what the browser shows as the page's
title and as text of its headings. Chromium runs without a network and with a profile of its own.
"""
import html.parser, os, struct, subprocess, sys, tempfile, zlib


def chromium(scratch, *arguments):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-extensions",
               "--host-resolver-rules=MAP * ~NOTFOUND", "--force-device-scale-factor=1",
               "--user-data-dir=" + os.path.join(scratch, "profile"), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=120, env={**os.environ, "HOME": scratch})
    if done.returncode:
        sys.exit("chromium failed: " + done.stderr.decode(errors="replace"))
    return done.stdout.decode()


def png_rows(data):
    """The rows of an 8-bit RGB or RGBA image, as lists of '#rrggbb'."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and interlace == 0
            size = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    raw, stride, before = zlib.decompress(packed), width * size, bytes(width * size)
    for y in range(height):
        start = y * (stride + 1)
        kind, row = raw[start], bytearray(raw[start + 1:start + 1 + stride])
        for i in range(stride):
            left = row[i - size] if i >= size else 0
            up, corner = before[i], before[i - size] if i >= size else 0
            if kind == 1:
                row[i] = (row[i] + left) & 255
            elif kind == 2:
                row[i] = (row[i] + up) & 255
            elif kind == 3:
                row[i] = (row[i] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
                row[i] = (row[i] + near[2]) & 255
        before = bytes(row)
        yield [row[i:i + 3].hex() for i in range(0, stride, size)]


def runs(row, colours):
    out, begin = [], 0
    for x in range(1, len(row) + 1):
        if x == len(row) or row[x] != row[begin]:
            if row[begin] in colours:
                out.append(f"#{row[begin]}:{begin}-{x}")
            begin = x
    return out


class Headings(html.parser.HTMLParser):
    inside, text = None, ""

    def handle_starttag(self, tag, attributes):
        if tag in ("title", "h1", "h2"):
            self.inside, self.text = tag, ""

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        if tag == self.inside:
            print("title" if tag == "title" else "text", " ".join(self.text.split()))
            self.inside = None


page, width, height = "file://" + os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
with tempfile.TemporaryDirectory() as scratch:
    picture = os.path.join(scratch, "page.png")
    document = chromium(scratch, f"--window-size={width},{height}", "--screenshot=" + picture, "--dump-dom", page)
    with open(picture, "rb") as file:
        rows = [runs(row, {c[1:] for c in sys.argv[4:]}) for row in png_rows(file.read())]
Headings().feed(document)
begin = 0
for y in range(1, len(rows) + 1):
    if y == len(rows) or rows[y] != rows[begin]:
        if rows[begin]:
            print("rows", begin, y, *rows[begin])
        begin = y
