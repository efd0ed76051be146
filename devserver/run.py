"""What `make run` does: start what is not configured, in order, and end it all in the reverse order."""

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
from devserver.lock import Lock
from devserver.postgres import Postgres
from devserver.process import LocalError, unprivileged
from devserver.supervisor import Supervisor
from devserver.valkey import Valkey
from pelcro_orders import config, service_urls
from pelcro_orders.config import BASE_DIR, from_environment

BANKS_TAKE = 3600  # seconds until a pending refund of the demo settles
PATIENCE = 15.0  # seconds for a server that somebody else runs
SIGN_INS = """
  Sign in as admin / admin, or as viewer, support, fulfillment, finance or manager, each with its name as password.
  The shop is at {base}/shop/: ada@example.com / ada-demo-password."""


def run() -> int:
    """Run everything until somebody stops it or a part of it ends; give the exit status."""
    var_dir = config.var_dir()
    try:
        var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = Lock(var_dir)
    except OSError as error:
        raise LocalError(f"{error.filename}: {error.strerror}. Choose a VAR_DIR that you may write to.") from error
    with lock, Supervisor(var_dir, lock.leaving) as conductor:
        try:
            Run(conductor, var_dir).everything()
        except LocalError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except PermissionError as error:
            sys.stderr.write(f"{error.filename} is another user's: start as that one, or choose another VAR_DIR.\n")
            return 1
    return 0


class Run:
    """One run: the steps in their order."""

    def __init__(self, conductor: Supervisor, var_dir: Path) -> None:
        self.conductor, self.var_dir, self.say = conductor, var_dir, conductor.say
        self.sockets = service_urls.socket_folder(var_dir)
        self.configured = {
            name for name in ("DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY") if from_environment(name)
        }
        self.env: dict[str, str] = {}
        self.postgres: Postgres | None = None
        self.sandbox: FakeStripeServer | None = None
        self.unfinished = var_dir / "demo-unfinished"

    def everything(self) -> None:
        """Take each step, then watch over all until the end."""
        self.conductor.clear_up()
        self.decide()
        self.start_database()
        self.start_redis()
        self.start_stripe()
        self.bring_up_to_date()
        self.fill_in()
        self.start_ours()
        self.announce()
        self.conductor.watch()

    def decide(self) -> None:
        """Decide every address before anything starts, and find out what is wrong with them."""
        self.env = run_files.surroundings(self.var_dir, run_files.choose(self.var_dir))
        os.environ.update(self.env)
        config.make_run_variables.cache_clear()
        try:
            port: int = settings.PORT
        except ImproperlyConfigured as error:
            raise LocalError(str(error)) from error
        if reason := programs.why_not(port):
            raise LocalError(
                f"Port {port} {reason}: choose another, as in make run PORT={max(port, 8000) % 65535 + 1}."
            )
        if not {"DATABASE_URL", "REDIS_URL"} <= self.configured:
            private_folders.emptied(private_folders.private(self.sockets, unprivileged()))
            self.conductor.at_end(lambda: shutil.rmtree(self.sockets))

    def start_database(self) -> None:
        """Start PostgreSQL, or ask the one that is configured."""
        if "DATABASE_URL" in self.configured:
            self.wait_for("PostgreSQL", "DATABASE_URL", database_refuses)
            return
        self.postgres = Postgres(self.var_dir / "postgres", self.sockets, self.log("postgres"))
        self.conductor.serve(self.postgres, f"keeps its data in {self.postgres.data}")
        if self.unfinished.exists():
            self.say("Demo data", "was left half filled in: begins anew")
            self.postgres.recreate()
            shutil.rmtree(self.var_dir / "stripe", ignore_errors=True)

    def start_redis(self) -> None:
        """Start Redis, or ask the one that is configured."""
        if "REDIS_URL" in self.configured:
            self.wait_for("Redis", "REDIS_URL", redis_refuses)
            return
        server = Valkey(self.var_dir / "redis", self.sockets, self.log("redis"))
        self.conductor.serve(server, f"answers on {server.socket}")

    def start_stripe(self) -> None:
        """Start the sandbox, or leave the real Stripe alone."""
        if "STRIPE_SECRET_KEY" in self.configured:
            self.say("Stripe", f"is the one at {settings.STRIPE_API_BASE} that STRIPE_SECRET_KEY opens")
            return
        self.sandbox = FakeStripeServer(self.env, self.var_dir, settings.PORT, refund_delay=BANKS_TAKE)
        self.conductor.serve(self.sandbox, f"answers on {self.sandbox.url}; no money moves")

    def log(self, name: str) -> Path:
        """Give the log of a program."""
        return programs.logs(self.var_dir) / f"{name}.log"

    def wait_for(self, name: str, variable: str, refuses: Callable[[], str]) -> None:
        """Wait a while for a server that somebody else runs."""
        waited = 0.0
        while reason := refuses():
            if waited > PATIENCE:
                raise LocalError(f"{name} at {variable} does not answer: {reason.strip()}")
            self.conductor.pause(0.5)
            waited += 0.5
        self.say(name, f"answers at {variable}")

    def command(self, *arguments: str) -> None:
        """Run one of Django's commands to its end."""
        self.conductor.finish(programs.command(self.env, self.var_dir, *arguments))

    def bring_up_to_date(self) -> None:
        """Migrate; collect the static files, unless that was done since they last changed."""
        self.command("migrate", "--verbosity", "0", "--no-input")
        self.say("Database", "is up to date")
        stamp = Path(self.env["STATIC_ROOT"]) / "stamp"
        present = state_of_static_files()
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != present:
            self.command("collectstatic", "--verbosity", "0", "--no-input")
            stamp.write_text(present, encoding="ascii")
        self.say("Static files", "are collected")

    def fill_in(self) -> None:
        """Fill an empty database of our own with the demo."""
        if not self.is_demo or self.sandbox is None:
            return
        if self.has_orders():
            self.say("Demo data", "is left as it is: there are orders")
            return
        self.unfinished.touch()
        self.say("Demo data", "is being filled in through the real acts, which takes a while")
        # What its thousand events tell is known already: delivered, they would only keep the worker busy.
        self.sandbox.faults(webhooks="off")
        self.command("demo")
        self.sandbox.clear()
        self.unfinished.unlink()
        self.say("Demo data", "is filled in")

    @property
    def is_demo(self) -> bool:
        """Say whether both the database and Stripe are our own."""
        return not {"DATABASE_URL", "STRIPE_SECRET_KEY"} & self.configured

    def has_orders(self) -> bool:
        """Say whether the database has an order."""
        with psycopg.connect(**service_urls.libpq_parameters(settings.DATABASES["default"])) as connection:
            return connection.execute("SELECT FROM ecommerce_order LIMIT 1").fetchone() is not None

    def start_ours(self) -> None:
        """Start worker, beat and web."""
        self.conductor.start(
            {
                "works off what rings": programs.worker(self.env, self.var_dir),
                "rings every 15 seconds for what nobody rang for": programs.beat(self.env, self.var_dir),
                f"answers on {programs.LOOPBACK}:{settings.PORT}": programs.web(self.env, self.var_dir, settings.PORT),
            }
        )

    def announce(self) -> None:
        """Write every address down, and say where to go."""
        web = f"http://{programs.LOOPBACK}:{settings.PORT}"
        addresses_now = {
            "web": web,
            "base_url": settings.BASE_URL,
            "database_url": from_environment("DATABASE_URL") or service_urls.database_url(self.sockets),
            "redis_url": settings.REDIS_URL,
            "stripe_api_base": settings.STRIPE_API_BASE,
            "stripe_js_url": settings.STRIPE_JS_URL,
            "var_dir": str(self.var_dir),
            "pids": {"run": os.getpid(), **self.conductor.pids()},
        }
        run_files.write(self.conductor.run, addresses_now)
        self.conductor.tell(f"\n  Open {web}/admin/{SIGN_INS.format(base=web) if self.is_demo else ''}")
        self.conductor.tell(f"  Logs are in {programs.logs(self.var_dir)}. Stop with Ctrl-C.\n")


def state_of_static_files() -> str:
    """Sum up what `collectstatic` would find: the packages' files by their versions, ours by their times."""
    seen = hashlib.sha256((BASE_DIR / "requirements.txt").read_bytes())
    for file in sorted(BASE_DIR.glob("*/static/**/*")):
        seen.update(f"{file} {file.stat().st_mtime_ns}".encode())
    return seen.hexdigest()


def database_refuses() -> str:
    """Say why PostgreSQL lets nobody in; nothing where it does."""
    try:
        psycopg.connect(**service_urls.libpq_parameters(settings.DATABASES["default"])).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def redis_refuses() -> str:
    """Say why Redis does not answer; nothing where it does."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        return str(error)
    return ""


def main() -> int:
    """Run, and turn what goes wrong before anything started into a sentence."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a folder's name may have letters that the terminal has not
    try:
        return run()
    except (LocalError, ImproperlyConfigured) as error:
        sys.stderr.write(f"{error}\n")
        return 1
