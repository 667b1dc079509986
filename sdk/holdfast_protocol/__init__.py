"""What both sides of the wire say: frames, messages, ids, manifest, Lambda envelope and codes.

Import the submodule that is needed; this file imports nothing, so that a frame costs no protobuf.
"""
