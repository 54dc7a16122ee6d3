"""The programs that make load: wrk for HTTP, pgbench and pgread for PostgreSQL."""
import json
import os
import pathlib
import re
import statistics
import subprocess

from service import PLANNING, program

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 64
THREADS = 2
WARM_UP = 4  # seconds


def run(words, **more):
    done = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE,
                          **{"stderr": subprocess.PIPE, **more})
    if done.returncode:
        raise SystemExit(f"{words[0]}: {done.stdout[-2000:]}{(done.stderr or '')[-2000:]}")
    return done.stdout


class Measure:
    def __init__(self, service, folder, seconds, rounds, pgread):
        self.service, self.folder = service, pathlib.Path(folder)
        self.seconds, self.rounds, self.pgread_program = seconds, rounds, pgread

    def file(self, name, lines):
        path = self.folder / name
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def wrk(self, paths, bodies=None, criteria=None, connections=CONNECTIONS):
        """Requests per second and latencies of all the paths in turn."""
        out = self.folder / "wrk.json"
        out.unlink(missing_ok=True)
        paths = self.file("paths", ["/fhir" + path for path in paths])
        bodies = self.file("bodies", bodies) if bodies else "-"
        run(["wrk", "-t", min(THREADS, connections), "-c", connections, "-d", self.seconds, "--timeout", 30,
             "-s", HERE / "requests.lua", self.service.root, "--",
             "POST" if bodies != "-" else "GET", paths, bodies, *([criteria] if criteria else [])],
            env={**os.environ, "WRK_OUT": str(out)})
        figures = json.loads(out.read_text())
        if figures["refused"] or figures["lost"]:
            raise SystemExit(f"wrk: {figures['refused']} requests were refused, "
                             f"{figures['lost']} lost")
        return figures

    def pgbench(self, scripts, connections=CONNECTIONS):
        """Transactions per second of scripts chosen at random, each statement committed. The
        first seconds do not count: 64 backends start, and each prepares each statement."""
        words = [program("pgbench"), "-n", "-M", "prepared", "-c", connections, "-j", THREADS,
                 "-T", self.seconds + WARM_UP, "-P", 1]
        for number, script in enumerate(scripts):
            words += ["-f", self.file(f"script{number}.sql", script)]
        text = run([*words, self.service.conninfo], stderr=subprocess.STDOUT,
                   env={**os.environ, "PGOPTIONS": " ".join(
                       f"-c {name}={value}" for name, value in PLANNING.items())})
        failed = re.search(r"number of failed transactions: (\d+)", text)
        if failed and int(failed[1]):
            raise SystemExit(f"pgbench: {failed[1]} transactions failed")
        rates = re.findall(r"progress: [\d.]+ s, ([\d.]+) tps", text)[WARM_UP:]
        done = re.search(r"transactions actually processed: (\d+)", text)
        return {"rate": statistics.mean(map(float, rates)), "transactions": int(done[1])}

    def pgread(self, sql, keys):
        text = run([self.pgread_program, self.service.conninfo, sql, self.file("keys", keys), 2,
                    64, self.seconds])
        return {"rate": float(text.split()[0])}

    def alternate(self, **contestants):
        """Each in turn, several rounds, so that a change of the machine's mood meets all;
        the medians of what they measured."""
        found = {name: [] for name in contestants}
        for _ in range(self.rounds):
            for name, contestant in contestants.items():
                found[name].append(contestant())
        return {name: {key: statistics.median(one[key] for one in figures) for key in figures[0]}
                for name, figures in found.items()}


def latencies(figures):
    return f"p50 {figures['p50']:.2f} ms, p99 {figures['p99']:.2f} ms"


def choose(keys):
    """A pgbench expression that is one of the keys: cases within cases, so that
    choosing costs the logarithm of their number."""
    def between(low, high):
        if high - low == 1:
            return keys[low]
        middle = (low + high) // 2
        return f"case when :i < {middle} then {between(low, middle)} else {between(middle, high)} end"
    return [f"\\set i random(0, {len(keys) - 1})", f"\\set key {between(0, len(keys))}"]
