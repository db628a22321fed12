"""Makes the seeds of the fuzz targets: small files of every form that the readers know, all computed here.

Usage: python3 make_seeds.py UPTAKE FOLDER     (UPTAKE: the program; needs Pillow, and dcmcrle, dcmcjpeg, dcmcjpls, dcmconv
of DCMTK). Files called regression-* are findings; they are not made here.
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

import PIL.Image


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, depth, color, rows, *extra, interlace=0, level=9):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) +
            chunk(b"IDAT", zlib.compress(rows, level)) + chunk(b"IEND", b""))


def rows(width_bytes, height, filters=(0, 1, 2, 3, 4)):
    return b"".join(bytes([filters[y % len(filters)]]) + bytes((7 * x + 31 * y) % 256 for x in range(width_bytes))
                    for y in range(height))


def exif(orientation):
    """One directory with one entry: the orientation."""
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)


def pictures(to):
    to.mkdir(parents=True, exist_ok=True)
    for name, depth, color, width_bytes in (("gray_1", 1, 0, 1), ("gray_4", 4, 0, 4), ("gray_8", 8, 0, 7), ("gray_16", 16, 0, 14),
                                            ("rgb_8", 8, 2, 21), ("rgb_16", 16, 2, 42), ("gray_alpha", 8, 4, 14),
                                            ("rgba", 8, 6, 28), ("rgba_16", 16, 6, 56)):
        (to / f"{name}.png").write_bytes(png(7, 5, depth, color, rows(width_bytes, 5), level=0 if color == 0 else 9))
    palette = chunk(b"PLTE", bytes(range(48)))
    (to / "palette.png").write_bytes(png(7, 5, 4, 3, rows(4, 5, (0,)), palette, chunk(b"tRNS", bytes([0, 128, 255]))))
    (to / "opaque_rgba.png").write_bytes(png(2, 1, 8, 6, b"\0" + b"\1\2\3\xff" * 2))
    (to / "trns_gray.png").write_bytes(png(7, 5, 8, 0, rows(7, 5), chunk(b"tRNS", b"\0\7")))
    (to / "trns_rgb.png").write_bytes(png(7, 5, 8, 2, rows(21, 5), chunk(b"tRNS", b"\0\7\0\16\0\25")))
    (to / "exif_6.png").write_bytes(png(7, 5, 8, 0, rows(7, 5), chunk(b"eXIf", exif(6))))
    adam7 = b"".join(rows(width, height, (0,)) for width, height in ((1, 1), (1, 1), (2, 1), (2, 2), (4, 1), (3, 3), (7, 2)))
    (to / "interlaced.png").write_bytes(png(7, 5, 8, 0, adam7, interlace=1))
    color = PIL.Image.frombytes("RGB", (17, 11), rows(51, 11)[:17 * 11 * 3])
    gray = color.convert("L")
    for name, image, how in (("gray", gray, {}), ("rgb", color, {"subsampling": 0}), ("rgb_420", color, {"subsampling": 2}),
                             ("rgb_422", color, {"subsampling": 1, "optimize": True}), ("progressive", color, {"progressive": True}),
                             ("cmyk", color.convert("CMYK"), {}), ("restart", gray, {"restart_marker_blocks": 1}),
                             ("exif_3", gray, {"exif": b"Exif\0\0" + exif(3)}), ("exif_8", color, {"exif": b"Exif\0\0" + exif(8)})):
        image.save(to / f"{name}.jpg", quality=60, **how)


def element(tag, vr, value):
    value = value.encode("latin-1") if isinstance(value, str) else value
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "OW", "UN") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xffff) + vr.encode()
    return head + (struct.pack("<HI", 0, len(value)) if vr in ("OB", "OW", "SQ", "UN") else struct.pack("<H", len(value))) + value


def item(*elements):
    content = b"".join(elements)
    return struct.pack("<HHI", 0xfffe, 0xe000, len(content)) + content


def us(*values):
    return struct.pack(f"<{len(values)}H", *values)


def code(value, scheme, meaning):
    return item(element(0x00080100, "SH", value), element(0x00080102, "SH", scheme), element(0x00080104, "LO", meaning))


def camera(changes=None):
    """A planar study of two frames, every attribute that is read in it."""
    pixels = us(*range(2 * 6 * 5))
    window = item(element(0x00540013, "SQ", item(element(0x00540014, "DS", "126"), element(0x00540015, "DS", "154"))),
                  element(0x00540018, "SH", "photopeak"))
    tracer = item(element(0x00180031, "LO", "Tc-99m HDP"), element(0x00181072, "TM", "085000"),
                  element(0x00540300, "SQ", code("C-163A8", "SRT", "Technetium")))
    detectors = (item(element(0x00540220, "SQ", code("G-5215", "SRT", "anterior"))) +
                 item(element(0x00540220, "SQ", code("G-5216", "SRT", "posterior"))))
    elements = {
        0x00080005: ("CS", "ISO_IR 100"), 0x00080008: ("CS", "ORIGINAL\\PRIMARY\\STATIC\\EMISSION"),
        0x00080016: ("UI", "1.2.840.10008.5.1.4.1.1.20"), 0x00080018: ("UI", "1.2.3.4.5"), 0x00080020: ("DA", "20240102"),
        0x00080022: ("DA", "20240102"), 0x00080030: ("TM", "090000"), 0x00080032: ("TM", "101112.5"),
        0x00080060: ("CS", "NM"), 0x00080064: ("CS", "DI"), 0x00080070: ("LO", "maker"), 0x00081030: ("LO", "bone scan"),
        0x0008103e: ("LO", "blood pool"), 0x00081090: ("LO", "model"), 0x00100010: ("PN", "Doe^Jane"), 0x00100020: ("LO", "ID7"),
        0x00100030: ("DA", "19700101"), 0x00100040: ("CS", "F"), 0x00180015: ("CS", "HAND"), 0x00180070: ("IS", "1770"),
        0x00181242: ("IS", "300000"), 0x0020000d: ("UI", "1.2.3.1"), 0x0020000e: ("UI", "1.2.3.2"), 0x00200013: ("IS", "1"),
        0x00200052: ("UI", "1.2.3.3"), 0x00200060: ("CS", "R"), 0x00280002: ("US", us(1)), 0x00280004: ("CS", "MONOCHROME2"),
        0x00280008: ("IS", "2"), 0x00280009: ("AT", struct.pack("<HHHH", 0x54, 0x10, 0x54, 0x20)),
        0x00280010: ("US", us(6)), 0x00280011: ("US", us(5)), 0x00280030: ("DS", "2.4\\2.5"), 0x00280100: ("US", us(16)),
        0x00280101: ("US", us(16)), 0x00280102: ("US", us(15)), 0x00280103: ("US", us(0)), 0x00280301: ("CS", "NO"),
        0x00540010: ("US", us(1, 1)), 0x00540011: ("US", us(1)), 0x00540012: ("SQ", window), 0x00540016: ("SQ", tracer),
        0x00540020: ("US", us(1, 2)), 0x00540021: ("US", us(2)), 0x00540022: ("SQ", detectors), 0x7fe00010: ("OW", pixels)}
    for tag, change in (changes or {}).items():
        if change is None:
            del elements[tag]
        else:
            elements[tag] = change
    meta = (element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.20") +
            element(0x00020003, "UI", "1.2.3.4.5") + element(0x00020010, "UI", "1.2.840.10008.1.2.1") +
            element(0x00020012, "UI", "1.2.3.4"))
    return (bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta +
            b"".join(element(tag, *elements[tag]) for tag in sorted(elements)))


def dicom(to):
    to.mkdir(parents=True, exist_ok=True)
    plain = to / "planar.dcm"
    plain.write_bytes(camera())
    (to / "rescaled.dcm").write_bytes(camera({0x00281052: ("DS", "-5"), 0x00281053: ("DS", "0.5"), 0x00280103: ("US", us(1))}))
    eight = {0x00280100: ("US", us(8)), 0x00280101: ("US", us(8)), 0x00280102: ("US", us(7)), 0x7fe00010: ("OW", bytes(range(60)))}
    (to / "eight_bit.dcm").write_bytes(camera(eight))
    (to / "twelve_bit.dcm").write_bytes(camera({0x00280101: ("US", us(12)), 0x00280102: ("US", us(11))}))
    (to / "unknown_vr.dcm").write_bytes(camera({0x00280010: ("UN", us(6)), 0x00100020: ("UN", "ID7"), 0x0020000d: ("UN", "1.2.3.1")}))
    (to / "secondary_capture.dcm").write_bytes(camera({0x00080016: ("UI", "1.2.840.10008.5.1.4.1.1.7"), 0x00280301: ("CS", "YES"),
                                                       0x00280008: ("IS", "1"), 0x00080060: ("CS", "OT")}))
    (to / "labels.dcm").write_bytes(camera({0x00540022: ("SQ", item(element(0x00540200, "DS", "180")) + item()),
                                            0x00204000: ("LT", "ANT"), 0x00110010: ("LO", "SIEMENS MEDICAL"),
                                            0x00111010: ("LO", "LEFT HAND ANT_E")}))
    (to / "tomographic.dcm").write_bytes(camera({0x00280009: ("AT", struct.pack("<HHHH", 0x54, 0x80, 0x54, 0x10)), 0x00080008: None,
                                                 0x00540080: ("US", us(1, 2)), 0x00540081: ("US", us(2))}))
    (to / "dynamic.dcm").write_bytes(camera({0x00080008: ("CS", "ORIGINAL\\PRIMARY\\DYNAMIC\\EMISSION"),
                                             0x00540030: ("US", us(1, 1)), 0x00540031: ("US", us(1)), 0x00540100: ("US", us(1, 2)),
                                             0x00540101: ("US", us(2))}))
    (to / "derived.dcm").write_bytes(camera({0x00080008: ("CS", "DERIVED\\PRIMARY\\STATIC\\EMISSION"), 0x0008001c: ("CS", "YES"),
                                             0x00082111: ("ST", "SYNTHETIC"), 0x00204000: ("LT", "SYNTHETIC IMAGE")}))
    korean = {0x00080005: ("CS", "\\ISO 2022 IR 149"), 0x00100010: ("PN", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7")}
    (to / "korean.dcm").write_bytes(camera(korean))
    for name, command in (("rle", ["dcmcrle"]), ("jpeg_lossless", ["dcmcjpeg", "+e1"]), ("jpeg_ls", ["dcmcjpls"]),
                          ("implicit", ["dcmconv", "+ti"]), ("big_endian", ["dcmconv", "+tb"]), ("deflated", ["dcmconv", "+td"]),
                          ("open_lengths", ["dcmconv", "+te", "-e"]), ("no_meta", ["dcmconv", "-F"])):
        subprocess.run([*command, plain, to / f"{name}.dcm"], check=True)
    subprocess.run(["dcmcjpeg", "+eb", to / "eight_bit.dcm", to / "jpeg_lossy.dcm"], check=True)


def cohorts(to):
    to.mkdir(parents=True, exist_ok=True)
    lines = ["patient,split,group,blood_pool,delayed", "p1,train,healthy,a/1.dcm,a/2.dcm", 'p2,val,"a, b",b/1.dcm,"b/2 "".dcm"',
             "p3,test,,c/1.dcm,c/2.dcm"]
    plain = "\n".join(lines) + "\n"
    (to / "plain.csv").write_text(plain)
    (to / "bom_crlf.csv").write_bytes(b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode())
    (to / "semicolons.csv").write_text("Patient;Split;Blood_pool;Delayed\np1;train;a\\1.dcm;a\\2.dcm\n;;;\n")
    (to / "utf16.csv").write_bytes(plain.encode("utf-16"))
    (to / "utf16_be.csv").write_bytes(b"\xfe\xff" + plain.encode("utf-16-be"))
    (to / "outside.csv").write_text("patient,split,blood_pool,delayed\np1,train,../a.dcm,/etc/b.dcm\n")
    (to / "twice.csv").write_text("patient,split,blood_pool,delayed\np1,train,a.dcm,b.dcm\np1,val,a.dcm,c.dcm\n")
    (to / "log.csv").write_text("step,epoch,lr\n1,1,0.0002\n2,1,1e-05\n3,2,na")
    (to / "log_numbers.csv").write_text("step,epoch,lr\n-1,nan,inf\n9007199254740993,1e308,-0\n")


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def runs(uptake, to):
    """The configuration and the checkpoint of a run of one step on two pairs of 16 x 16 pixels."""
    (to / "configuration").mkdir(parents=True, exist_ok=True)
    (to / "checkpoint").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "pairs"
        (data / "train").mkdir(parents=True)
        for n in (1, 2):
            (data / "train" / f"{n}.png").write_bytes(png(32, 16, 8, 0, rows(32, 16, (0,))))
        for name, net in (("unet", ("--net-g", "unet_4", "--norm", "batch")),
                          ("instance", ("--net-g", "unet_4", "--norm", "instance", "--lr-policy", "plateau")),
                          ("resnet", ("--net-g", "resnet_1blocks", "--norm", "none"))):
            out = pathlib.Path(folder) / name
            run(uptake, "train", "--data", data, "--out", out, "--device", "cpu", "--load-size", 0, "--crop-size", 0, "--ngf", 1,
                "--ndf", 1, "--net-d", "pixel", "--steps", 1, *net)
            shutil.copy(out / "last.safetensors", to / "checkpoint" / f"{name}.safetensors")
            shutil.copy(out / "config.ini", to / "configuration" / f"{name}.ini")
            with open(out / "last.safetensors", "rb") as file:
                header = file.read(struct.unpack("<Q", file.read(8))[0])
            config = json.loads(header)["__metadata__"]["config"]
            (to / "configuration" / f"{name}.json").write_text(config)
            if name == "unet":  # without a hash every change of the weights is let through
                small = json.loads(header)
                small["__metadata__"].pop("weights_sha256", None)
                text = json.dumps(small).encode()
                data_bytes = (out / "last.safetensors").read_bytes()[8 + len(header):]
                (to / "checkpoint" / "no_hash.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data_bytes)
    text = b'{"a":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},"b":{"dtype":"I64","shape":[],"data_offsets":[4,12]},' \
           b'"c":{"dtype":"U8","shape":[0],"data_offsets":[12,12]},"__metadata__":{"format":"pt"}}'
    (to / "checkpoint" / "foreign.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(range(12)))
    (to / "configuration" / "comments.ini").write_text("# a comment\n\n  lr=1e-3 # more\r\nflip = false\nno-flip = true\nngf = 64")
    (to / "configuration" / "empty.json").write_text("{}")


if __name__ == "__main__":
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    pictures(folder / "picture")
    dicom(folder / "dicom")
    cohorts(folder / "cohort")
    runs(program, folder)
