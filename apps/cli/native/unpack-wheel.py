"""Takes two libraries and the few C headers out of a TensorFlow wheel (13,000 files): unpack-wheel.py WHEEL TARGET SUFFIX.

Exit codes: 3 not a wheel, 4 no TensorFlow libraries for this system in it.
"""
import os
import shutil
import sys
import zipfile

wheel, target, suffix = sys.argv[1:]
LIBRARIES = [f"tensorflow/libtensorflow_cc.{suffix}", f"tensorflow/libtensorflow_framework.{suffix}"]
INCLUDE = "tensorflow/include/"
# All that tensorflow/c/eager/c_api.h and ctstring_internal.h reach.
HEADER_FOLDERS = ("tensorflow/c/", "tensorflow/core/platform/", "tsl/platform/", "xla/tsl/c/", "xla/tsl/platform/")


def copy(archive, name, destination):
    path = os.path.normpath(os.path.join(target, destination))
    if not path.startswith(os.path.abspath(target) + os.sep):
        sys.exit(3)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with archive.open(name) as source, open(path, "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


try:
    archive = zipfile.ZipFile(wheel)
except (zipfile.BadZipFile, IsADirectoryError):
    sys.exit(3)
with archive:
    names = set(archive.namelist())
    if not any(name.endswith(".dist-info/WHEEL") for name in names):
        sys.exit(3)
    if not names.issuperset(LIBRARIES):
        sys.exit(4)
    for name in LIBRARIES:
        copy(archive, name, "lib/" + os.path.basename(name))
    for name in names:
        inside = name[len(INCLUDE):] if name.startswith(INCLUDE) else ""
        if inside.endswith(".h") and inside.startswith(HEADER_FOLDERS):
            copy(archive, name, "include/" + inside)
