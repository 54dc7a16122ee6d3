"""The command line."""

import argparse
import signal
import sys

from . import load, sample, table
from .server import Server

HELP = """A FHIR R4 test server that behaves well by default and badly on demand.

  http://127.0.0.1:PORT/fhir                        good
  http://127.0.0.1:PORT/fault/W-18/fhir             with a fault
  .../fault/W-01:form=date;seconds=5,W-06/fhir      with several, and parameters
  .../fault/mix:rate=0.02;seed=7/fhir               now one, now another
  http://127.0.0.1:PORT/control/state               what was asked; see docs/rogue.md

Parameters of every fault: form=A+B (by turns), times=N (how often for the same URL, -1: always),
rate=0.1 (that part of the URLs, by seed=N), on=search+page+history+read+file+attachment+write+
bundle, type=Patient. --list prints the table of faults."""


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="rogue", description=HELP,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8080,
                        help="port P; P+1 is the storage, 127.0.0.2:P+2 an internal service nobody "
                             "may reach; 0 takes free ports (default 8080)")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--data", action="append", metavar="PATH",
                        help="NDJSON, a Bundle, or a folder of them, also .gz; else made-up patients")
    parser.add_argument("--resources", type=int, default=300, metavar="N",
                        help="how many to make up (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default 1)")
    parser.add_argument("--clock-skew", type=float, default=0, metavar="S",
                        help="seconds the server's clock is ahead")
    parser.add_argument("--latency", type=float, default=0, metavar="MS",
                        help="milliseconds a page of a search or history takes longer")
    parser.add_argument("--https", nargs=2, metavar=("CERT", "KEY"), help="speak TLS")
    parser.add_argument("--list", action="store_true", help="print the table of faults and end")
    parser.add_argument("--markdown", action="store_true", help="the same, for documentation")
    options = parser.parse_args(arguments)
    if options.list or options.markdown:
        print(table.listing() if options.list else table.markdown())
        return 0
    serve(options)
    return 0


def serve(options):
    if options.data:
        names = [name for path in options.data for name in load.files(path)]
        resources = (doc for name in names for doc in load.read(name))
    else:
        resources = sample.make(options.resources, options.seed)
    server = Server(options.port, resources, options.seed, options.clock_skew,
                    options.latency / 1000, options.https, options.address)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"rogue: {len(server.initial)} resources at {server.origin}/fhir", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
