"""`make run`: start what is not configured, in order, and stop it all in the reverse order."""

import hashlib
import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from devserver import private_folders, programs, run_files
from devserver.fake_stripe_server import FakeStripeServer
from devserver.lock import RunLock
from devserver.postgres import Postgres
from devserver.process import DevServerError, unprivileged_account
from devserver.supervisor import Supervisor
from devserver.valkey import Valkey
from pelcro_orders import config, service_urls
from pelcro_orders.config import BASE_DIR, from_environment

DEMO_REFUND_DELAY = 3600  # seconds until a pending refund of the demo settles
EXTERNAL_TIMEOUT = 15.0  # seconds to wait for a configured server
SIGN_INS = """
  Sign in as admin / admin, or as viewer, support, fulfillment, finance or manager, each with its name as password.
  The shop is at {base}/shop/: ada@example.com / ada-demo-password.
  What other systems would be told: .venv/bin/python manage.py webhook_receiver --register"""


OWN_FOLDERS = ("beat", "files", "log", "redis", "stripe")  # PostgreSQL sees to its own


def run() -> int:
    os.umask(0o077)
    var_dir = config.var_dir()
    try:
        var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in OWN_FOLDERS:
            private_folders.make_private(var_dir / name)
        lock = RunLock(var_dir)
    except OSError as error:
        raise DevServerError(f"{error.filename}: {error.strerror}. Choose a VAR_DIR that you may write to.") from error
    with lock, Supervisor(var_dir, lock.clear_holder) as supervisor:
        try:
            Run(supervisor, var_dir).run()
        except DevServerError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except PermissionError as error:
            sys.stderr.write(f"{error.filename} is another user's: start as that one, or choose another VAR_DIR.\n")
            return 1
    return 0


class Run:
    """The steps of one run."""

    def __init__(self, supervisor: Supervisor, var_dir: Path) -> None:
        self.supervisor, self.var_dir, self.report = supervisor, var_dir, supervisor.report
        self.sockets = service_urls.socket_folder(var_dir)
        self.configured = {
            name for name in ("DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY") if from_environment(name)
        }
        self.env: dict[str, str] = {}
        self.stored: set[str] = set()  # variables whose values are in environment.json
        self.postgres: Postgres | None = None
        self.fake_stripe: FakeStripeServer | None = None
        self.demo_marker = var_dir / "demo-unfinished"

    def run(self) -> None:
        self.supervisor.end_stale_processes()
        self.choose_addresses()
        self.start_database()
        self.start_redis()
        self.start_stripe()
        self.migrate_and_collect_static()
        self.load_demo()
        self.start_programs()
        self.announce()
        self.supervisor.watch()

    def choose_addresses(self) -> None:
        chosen = run_files.choose_variables(self.var_dir)
        self.stored = {name for name in chosen if not from_environment(name)}
        self.env = run_files.child_environment(self.var_dir, chosen)
        os.environ.update(self.env)
        config.make_run_variables.cache_clear()
        try:
            port: int = settings.PORT
        except ImproperlyConfigured as error:
            raise DevServerError(str(error)) from error
        if reason := self.open_demo():
            raise DevServerError(reason)
        if reason := programs.port_problem(port):
            raise DevServerError(
                f"Port {port} {reason}: choose another, as in make run PORT={max(port, 8000) % 65535 + 1}."
            )
        if not {"DATABASE_URL", "REDIS_URL"} <= self.configured:
            private_folders.empty(private_folders.ensure_private(self.sockets, unprivileged_account()))
            self.supervisor.add_cleanup(lambda: shutil.rmtree(self.sockets))

    def open_demo(self) -> str:
        """What of a demo would stand open to people or take their orders for paid, or an empty string."""
        if not settings.EMBEDDED_DATABASE and "STRIPE_SECRET_KEY" not in self.configured:
            return (
                "DATABASE_URL is set and STRIPE_SECRET_KEY is not: the fake Stripe would call orders paid there that "
                "nobody paid. Set STRIPE_SECRET_KEY to a key of Stripe's, or leave DATABASE_URL out."
            )
        if settings.SECURE and self.stored:
            return (
                f"BASE_URL is an https address, and {', '.join(sorted(self.stored))} would be those of the demo, from "
                f"{self.var_dir}/environment.json. Set them, or leave BASE_URL out."
            )
        return ""

    def start_database(self) -> None:
        if "DATABASE_URL" in self.configured:
            self.wait_for("PostgreSQL", "DATABASE_URL", database_problem)
            return
        self.postgres = Postgres(self.var_dir / "postgres", self.sockets, self.log("postgres"))
        self.supervisor.start_server(self.postgres, f"keeps its data in {self.postgres.data}")
        if self.demo_marker.exists():
            self.report("Demo data", "was left incomplete by the last run: starts again")
            self.postgres.recreate_database()
            shutil.rmtree(self.var_dir / "stripe", ignore_errors=True)

    def start_redis(self) -> None:
        if "REDIS_URL" in self.configured:
            self.wait_for("Redis", "REDIS_URL", redis_problem)
            return
        server = Valkey(self.var_dir / "redis", self.sockets, self.log("redis"))
        self.supervisor.start_server(server, f"answers on {server.socket}")

    def start_stripe(self) -> None:
        if "STRIPE_SECRET_KEY" in self.configured:
            self.report("Stripe", f"is the one at {settings.STRIPE_API_BASE} that STRIPE_SECRET_KEY opens")
            return
        self.fake_stripe = FakeStripeServer(self.env, self.var_dir, settings.PORT, refund_delay=DEMO_REFUND_DELAY)
        self.supervisor.start_server(self.fake_stripe, f"answers on {self.fake_stripe.url}; no money moves")

    def log(self, name: str) -> Path:
        return programs.log_folder(self.var_dir) / f"{name}.log"

    def wait_for(self, name: str, variable: str, problem: Callable[[], str]) -> None:
        waited = 0.0
        while reason := problem():
            if waited > EXTERNAL_TIMEOUT:
                raise DevServerError(f"{name} at {variable} does not answer: {reason.strip()}")
            self.supervisor.sleep(0.5)
            waited += 0.5
        self.report(name, f"answers at {variable}")

    def command(self, *arguments: str) -> None:
        self.supervisor.run_command(programs.manage_command(self.env, self.var_dir, *arguments))

    def migrate_and_collect_static(self) -> None:
        self.command("migrate", "--verbosity", "0", "--no-input")
        self.report("Database", "is up to date")
        stamp = Path(self.env["STATIC_ROOT"]) / "stamp"
        digest = static_files_digest()
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != digest:
            self.command("collectstatic", "--verbosity", "0", "--no-input")
            stamp.write_text(digest, encoding="ascii")
        self.report("Static files", "are collected")

    def load_demo(self) -> None:
        if not self.is_demo or self.fake_stripe is None:
            return
        if self.has_orders():
            self.report("Demo data", "is left as it is: there are orders")
            return
        self.demo_marker.touch()
        self.report("Demo data", "is being created, which takes a while")
        # The demo applies every result itself: its thousand webhooks would only keep the worker busy.
        self.fake_stripe.faults(webhooks="off")
        self.command("demo")
        self.fake_stripe.clear()
        self.demo_marker.unlink()
        self.report("Demo data", "is created")

    @property
    def is_demo(self) -> bool:
        return not {"DATABASE_URL", "STRIPE_SECRET_KEY"} & self.configured

    def has_orders(self) -> bool:
        with psycopg.connect(**service_urls.libpq_parameters(settings.DATABASES["default"])) as connection:
            return connection.execute("SELECT FROM ecommerce_order LIMIT 1").fetchone() is not None

    def start_programs(self) -> None:
        self.supervisor.start_clients(
            {
                "runs the queued tasks": programs.worker(self.env, self.var_dir),
                "queues the periodic tasks": programs.beat(self.env, self.var_dir),
                f"answers on {programs.LOOPBACK}:{settings.PORT}": programs.web(self.env, self.var_dir, settings.PORT),
            }
        )

    def announce(self) -> None:
        web = f"http://{programs.LOOPBACK}:{settings.PORT}"
        addresses = {
            "web": web,
            "base_url": settings.BASE_URL,
            "database_url": from_environment("DATABASE_URL") or service_urls.database_url(self.sockets),
            "redis_url": settings.REDIS_URL,
            "stripe_api_base": settings.STRIPE_API_BASE,
            "stripe_js_url": settings.STRIPE_JS_URL,
            "var_dir": str(self.var_dir),
            "pids": {"run": os.getpid(), **self.supervisor.pids()},
        }
        run_files.write_json(self.supervisor.run_file, addresses)
        self.supervisor.print_line(f"\n  Open {web}/admin/{SIGN_INS.format(base=web) if self.is_demo else ''}")
        self.supervisor.print_line(f"  Logs are in {programs.log_folder(self.var_dir)}. Stop with Ctrl-C.\n")


def static_files_digest() -> str:
    """A digest of what `collectstatic` would find: the packages by their versions, our files by their times."""
    digest = hashlib.sha256((BASE_DIR / "requirements.txt").read_bytes())
    for file in sorted(BASE_DIR.glob("*/static/**/*")):
        digest.update(f"{file} {file.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def database_problem() -> str:
    try:
        psycopg.connect(**service_urls.libpq_parameters(settings.DATABASES["default"])).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def redis_problem() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        return str(error)
    return ""


def main() -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a folder's name may have letters that the terminal has not
    try:
        return run()
    except (DevServerError, ImproperlyConfigured) as error:
        sys.stderr.write(f"{error}\n")
        return 1
