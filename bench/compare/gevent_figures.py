"""The same measurements in gevent: prints "name nanoseconds" per operation, best of several rounds."""

import time

import gevent
from gevent.queue import Queue

ROUNDS = 5


def best(name, operations, run):
    shortest = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        run()
        shortest = min(shortest, time.perf_counter() - begin)
    print(f"{name} {shortest * 1e9 / operations:.1f}")


def switches(greenlets, each):
    def body():
        for _ in range(each):
            gevent.sleep(0)

    gevent.joinall([gevent.spawn(body) for _ in range(greenlets)])


def round_trips(n):
    there, back = Queue(1), Queue(1)

    def echo():
        for _ in range(n):
            back.put(there.get())

    gevent.spawn(echo)
    for i in range(n):
        there.put(i)
        back.get()


def spawn_one_by_one(n):
    for _ in range(n):
        gevent.spawn(int).join()


best("switch-100", 100 * 300, lambda: switches(100, 300))
best("round-trip", 10_000, lambda: round_trips(10_000))
best("spawn-join", 10_000, lambda: spawn_one_by_one(10_000))
