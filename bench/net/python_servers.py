"""The same servers of gevent and eventlet: prints the port and runs until it is killed."""

import sys

BUFFER_BYTES = 64 * 1024


def echo(sock, _address):
    while True:
        data = sock.recv(BUFFER_BYTES)
        if not data:
            break
        sock.sendall(data)


def close(sock, _address):
    sock.close()


def gevent_server(task):
    from gevent.server import StreamServer

    server = StreamServer(("127.0.0.1", 0), task)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


def eventlet_server(task):
    import eventlet

    listener = eventlet.listen(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    eventlet.serve(listener, task)


SERVERS = {"gevent": gevent_server, "eventlet": eventlet_server}
TASKS = {"echo": echo, "close": close}
SERVERS[sys.argv[1]](TASKS[sys.argv[2]])
