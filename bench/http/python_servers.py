"""The same servers of gevent and eventlet: prints the port and runs until it is killed."""

import sys


def text(_environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello, world\n"]


def gevent_server(task):
    from gevent.pywsgi import WSGIServer

    server = WSGIServer(("127.0.0.1", 0), task, log=None)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


def eventlet_server(task):
    import eventlet
    import eventlet.wsgi

    listener = eventlet.listen(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)
    eventlet.wsgi.server(listener, task, log_output=False)


SERVERS = {"gevent": gevent_server, "eventlet": eventlet_server}
SERVERS[sys.argv[1]](text)
