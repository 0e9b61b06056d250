"""Writes a FileDescriptorSet of the named .proto files and all they import.

Usage: generate-protos.py FOLDER OUTPUT ROOT...   FOLDER holds the installed package xds-protos,
ROOT is a path like envoy/config/cluster/v3/cluster.proto.
"""

import importlib
import sys


def json_name(name):
    """As protoc makes it; Python's descriptors do not keep it."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def name_fields(message):
    for field in message.field:
        field.json_name = json_name(field.name)
    for nested in message.nested_type:
        name_fields(nested)


def main(folder, output, roots):
    sys.path.insert(0, folder)
    from google.protobuf import descriptor_pb2

    files = descriptor_pb2.FileDescriptorSet()
    seen = set()

    def add(descriptor):
        if descriptor.name in seen:
            return
        seen.add(descriptor.name)
        for dependency in sorted(descriptor.dependencies, key=lambda d: d.name):
            add(dependency)
        file = files.file.add()
        descriptor.CopyToProto(file)
        for message in file.message_type:
            name_fields(message)

    for root in roots:
        module = root.removesuffix(".proto").replace("/", ".") + "_pb2"
        add(importlib.import_module(module).DESCRIPTOR)
    with open(output, "wb") as out:
        out.write(files.SerializeToString(deterministic=True))


main(sys.argv[1], sys.argv[2], sys.argv[3:])
