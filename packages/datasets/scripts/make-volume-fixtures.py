"""Makes the small volume files in src/volumes/fixtures and, in expected.json, what independent readers say of them.

    python3 scripts/make-volume-fixtures.py

Needs numpy, nibabel (the reference for NIfTI), SimpleITK (for NRRD, MetaImage and DICOM), pynrrd and pydicom. The files are
committed; neither the package nor its tests run this script.
"""
import json
import pathlib
import shutil

import nibabel as nib
import nrrd
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

folder = pathlib.Path(__file__).parent.parent / "src/volumes/fixtures"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
expected = {}
to_lps = np.diag([-1.0, -1.0, 1.0, 1.0])


def voxels(dtype, shape=(5, 4, 3)):
    """[i, j, k(, channel)]: every voxel has a number of its own."""
    return np.arange(np.prod(shape)).reshape(shape[::-1]).T.astype(dtype)


def rotation(x, y, z):
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    return (
        np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    )


def affine(directions, spacing=(1.5, 2.0, 3.0), origin=(10.0, -20.0, 30.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = directions @ np.diag(spacing)
    matrix[:3, 3] = origin
    return matrix


oblique = rotation(0.3, -0.2, 0.5)
left_handed = oblique @ np.diag([-1, 1, 1])


def record(name, affine_lps, channel_major, slope=1.0, intercept=0.0):
    """channel_major: real values [channels, depth, height, width]."""
    channels, depth, height, width = channel_major.shape
    expected[name] = {
        "shape": [depth, height, width],
        "channels": channels,
        "slope": slope,
        "intercept": intercept,
        "affine": [round(float(x), 9) for x in np.asarray(affine_lps)[:3].ravel()],
        "values": [float(x) for x in channel_major.ravel()],
    }


def nifti(name, data, sform=None, qform=None, image=nib.Nifti1Image, endian="<", slope=None, intercept=None, units="mm"):
    header = image.header_class(endianness=endian)
    header.set_data_dtype(data.dtype.newbyteorder(endian))
    img = image(data, None, header=header)
    img.set_sform(sform, code=1 if sform is not None else 0)
    img.set_qform(qform, code=1 if qform is not None else 0)
    img.header.set_xyzt_units(units)
    img.header["descrip"] = b"made by nibabel"
    if slope is not None:
        img.header.set_slope_inter(slope, intercept)
        # nibabel would divide by the slope: write stored values by hand instead
        img.header["vox_offset"] = 352
        header = img.header.copy()
        header["scl_slope"], header["scl_inter"] = slope, intercept
        (folder / name).write_bytes(header.binaryblock + b"\0\0\0\0" + data.astype(data.dtype.newbyteorder(endian)).tobytes("F"))
    else:
        nib.save(img, folder / name)
    if sform is None and qform is None:
        # nibabel would write a form of its own
        header = img.header.copy()
        header["pixdim"][1:4], header["qform_code"], header["sform_code"], header["vox_offset"] = (1.5, 2, 3), 0, 0, 352
        (folder / name).write_bytes(header.binaryblock + b"\0\0\0\0" + data.tobytes("F"))
    back = nib.load(folder / name)
    stored = np.asarray(back.dataobj)
    values = stored.astype(np.float64) if stored.dtype.names is None else np.stack([stored[name] for name in "RGB"], axis=-1)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim == 3:
        values = values[..., None]
    # without forms nibabel centres the grid and turns x round, as for Analyze files; NIfTI's own method 1 does not
    matrix = back.affine if sform is not None or qform is not None else np.diag([1.5, 2, 3, 1])
    scale = {"mm": 1, "meter": 1000}[units]
    lps = to_lps @ matrix
    lps[:3] *= scale
    record(name, lps, values.T, 1.0 if slope is None else slope, 0.0 if slope is None else intercept)


straight = affine(np.eye(3))
nifti("straight.nii", voxels("i2"), straight, straight)
nifti("big-endian.nii", voxels("i2"), affine(oblique), affine(oblique), endian=">", slope=0.5, intercept=-10.0)
nifti("qform.nii.gz", voxels("u1"), None, affine(oblique))
nifti("left-handed.nii.gz", voxels("f4"), affine(left_handed), affine(left_handed))
nifti("left-handed-qform.nii.gz", voxels("f4"), None, affine(left_handed))
nifti("forms-differ.nii", voxels("u2"), affine(oblique), straight)
nifti("no-forms.nii", voxels("i4"))
nifti("metres.nii.gz", voxels("i1"), affine(np.eye(3), (0.0015, 0.002, 0.003), (0.01, -0.02, 0.03)), units="meter")
nifti("nifti2.nii.gz", voxels("f8"), affine(oblique), affine(oblique), image=nib.Nifti2Image)
nifti("nifti2-big-endian.nii", voxels("u4"), affine(left_handed), None, image=nib.Nifti2Image, endian=">")
nifti("int64.nii.gz", voxels("i8") - 7, straight, straight)
nifti("uint64-big-endian.nii", voxels("u8"), straight, straight, endian=">")
nifti("four-dimensions.nii.gz", voxels("i2", (5, 4, 3, 2)), straight, straight)
nifti("two-dimensions.nii", voxels("u1", (5, 4)), straight, straight)
rgb = np.zeros((5, 4, 3), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
for channel, name in enumerate("RGB"):
    rgb[name] = voxels("u1") + 60 * channel
nifti("rgb.nii", rgb, straight, straight)


def geometry_of(image):
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def record_itk(name, image):
    array = sitk.GetArrayFromImage(image).astype(np.float64)
    record(name, geometry_of(image), np.moveaxis(array, -1, 0) if image.GetNumberOfComponentsPerPixel() > 1 else array[None])


def itk(name, data, directions, compressed=False, vector=False):
    image = sitk.GetImageFromArray(data.T if not vector else np.moveaxis(data.T, 0, -1), isVector=vector)
    image.SetSpacing((1.5, 2.0, 3.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(directions.ravel().tolist())
    sitk.WriteImage(image, str(folder / name), compressed)
    record_itk(name, sitk.ReadImage(str(folder / name)))


itk("oblique.nrrd", voxels("i2"), oblique, compressed=True)
itk("left-handed.nrrd", voxels("f4"), left_handed)
itk("vector.nrrd", voxels("u1", (5, 4, 3, 2)), np.eye(3), vector=True)
itk("detached.nhdr", voxels("u2"), oblique)
itk("oblique.mha", voxels("i2"), oblique, compressed=True)
itk("left-handed.mha", voxels("f8"), left_handed)
itk("vector.mha", voxels("u1", (5, 4, 3, 2)), np.eye(3), vector=True)
itk("separate.mhd", voxels("i4"), oblique)
itk("separate-compressed.mhd", voxels("f4"), oblique, compressed=True)
ras = affine(oblique)
nrrd.write(
    str(folder / "ras-big-endian.nrrd"),
    voxels(">i2"),
    {"space": "right-anterior-superior", "space directions": ras[:3, :3].T, "space origin": ras[:3, 3], "endian": "big", "encoding": "raw"},
)
record_itk("ras-big-endian.nrrd", sitk.ReadImage(str(folder / "ras-big-endian.nrrd")))


def dicom(name, directions, slope, intercept, syntax, number):
    (folder / name).mkdir()
    spacing = (0.5, 0.75, 2.0)
    for k in range(4):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}.{k + 1}"
        meta.TransferSyntaxUID = syntax
        data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID = CTImageStorage
        data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}.100"
        data.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}.200"
        data.SeriesDescription = name
        data.Modality = "CT"
        data.InstanceNumber = k + 1
        data.ImagePositionPatient = [f"{x:.6f}" for x in np.array([-10.0, -20.0, 30.0]) + directions[:, 2] * spacing[2] * k]
        data.ImageOrientationPatient = [f"{x:.10f}" for x in directions[:, :2].T.ravel()]
        data.PixelSpacing = [spacing[1], spacing[0]]
        data.SliceThickness = 1.0  # as of overlapping slices: the positions count
        data.Rows, data.Columns = 4, 5
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.RescaleSlope, data.RescaleIntercept = slope, intercept
        data.PixelData = (voxels("u2", (5, 4, 4))[:, :, k].T * 10).astype("<u2").tobytes()
        data.save_as(folder / name / f"slice{(k * 3) % 4}", enforce_file_format=True)  # names out of order, no extension
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / name)))
    record_itk(name, reader.Execute())


dicom("dicom-ct", np.eye(3), 1, -1024, ExplicitVRLittleEndian, 1)
dicom("dicom-oblique", oblique, 2.5, 10, ImplicitVRLittleEndian, 2)
(folder / "dicom-ct" / "notes.txt").write_text("not a DICOM file\n")

(folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")).replace('},"', '},\n"') + "\n")
print(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), "bytes")
