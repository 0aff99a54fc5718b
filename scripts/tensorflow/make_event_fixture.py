"""Makes the file of events that the tests of packages/hidiff/src/run/tensorboard compare their bytes with: TensorBoard's own
messages in TensorBoard's own records.

    python scripts/tensorflow/make_event_fixture.py

needs tensorboard 2.21.
"""

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

path = Path(__file__).parents[2] / "packages/hidiff/src/run/tensorboard/fixtures/events.tfevents"

events = [
    Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    Event(wall_time=1700000000.25, step=1, session_log=SessionLog(status=SessionLog.START)),
    Event(
        wall_time=1700000001.5,
        step=300,
        summary=Summary(value=[Summary.Value(tag="loss/refinement", simple_value=0.1), Summary.Value(tag="zero", simple_value=0)]),
    ),
    Event(
        wall_time=1700000002,
        step=2**40,
        summary=Summary(
            value=[
                Summary.Value(tag="crops", image=Summary.Image(height=2, width=300, colorspace=3, encoded_image_string=bytes(range(200))))
            ]
        ),
    ),
]

with path.open("wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()
