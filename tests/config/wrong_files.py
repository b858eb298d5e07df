"""Wrong files, each with exactly what is said about it."""

STRIPE = '[stripe]\napi_key = "env:STRIPE_API_KEY"\n'
CRM = """[crm.sf]
kind = "salesforce"
mapping = "m.yaml"
auth = "session"
session_id = "env:SID"
instance_url = "https://acme.my.salesforce.com"
"""
GOOD = STRIPE + CRM  # lines 1 to 8


def login(auth: str, rest: str = "") -> str:
    return f'{STRIPE}[crm.sf]\nkind = "salesforce"\nmapping = "m.yaml"\nauth = "{auth}"\n{rest}'


WRONG = {
    "unknown key": (
        '[stripe]\napi_kye = "env:X"\napi_key = "env:STRIPE_API_KEY"\n' + CRM,
        'config.toml:2  CFG-003 unknown key "api_kye" in [stripe]  Did you mean: api_key?',
    ),
    "unknown key, nothing near": (
        GOOD + "[jobs]\nxyzzy = 1\n",
        (
            'config.toml:10  CFG-003 unknown key "xyzzy" in [jobs]  Known: alerts_every_seconds, archive, '
            "breaker_outages, breaker_seconds, deep_sweep_every_days, dispatcher, extend_days_ahead, "
            "extend_every_hours, housekeeping_every_hours, keep_days, night_hour, reconcile_every_hours, "
            "remove_without_archive, retry_every_seconds, retry_first_seconds, retry_most_seconds, "
            "stop_seconds, sweep_every_hours, sync_every_seconds, threads, write_back_every_seconds."
        ),
    ),
    "unknown key in a connection": (
        GOOD + 'domian = "acme.my"\n',
        'config.toml:9  CFG-003 unknown key "domian" in [crm.sf]  Did you mean: domain?',
    ),
    "unknown key at the top": (
        'mdoe = "live"\n' + GOOD,
        'config.toml:1  CFG-003 unknown key "mdoe" at the top  Did you mean: mode?',
    ),
    "key of the top in a table": (
        STRIPE + 'mode = "live"\n' + CRM,
        'config.toml:3  CFG-003 unknown key "mode" in [stripe]  mode belongs at the top, above the first table.',
    ),
    "key of another table": (
        GOOD + "[log]\nsync_every_seconds = 2\n",
        'config.toml:10  CFG-003 unknown key "sync_every_seconds" in [log]  sync_every_seconds belongs in [jobs].',
    ),
    "unknown table": (
        GOOD + "[saftey]\nmax_terminations = 1\n",
        "config.toml:9  CFG-003 unknown table [saftey]  Did you mean: safety?",
    ),
    "no tables": ("", "config.toml:1  CFG-004 the file lacks the table stripe, crm  See config.example.toml."),
    "no key": ("[stripe]\n" + CRM, "config.toml:1  CFG-004 [stripe] lacks api_key  See config.example.toml."),
    "no connection": (STRIPE + "[crm]\n", "config.toml:3  CFG-005 crm is a table, expected at least one entry"),
    "a value for a table": ("stripe = 5\n" + CRM, "config.toml:1  CFG-005 stripe is 5, expected a table"),
    "text for a table": ('log = "x"\n' + GOOD, "config.toml:1  CFG-005 log is text, expected a table"),
    "a list for a number": (
        GOOD + "[jobs]\nsync_every_seconds = [1]\n",
        "config.toml:10  CFG-005 sync_every_seconds is a list, expected a number",
    ),
    "yes for text": ("time_zone = true\n" + GOOD, "config.toml:1  CFG-005 time_zone is true, expected text"),
    "text of several lines before the fault": (
        GOOD + 'username = """\n[jobs]\nsync_every_seconds = 1\n"""\n[jobs]\nsync_every_seconds = 0\n',
        "config.toml:14  CFG-005 sync_every_seconds is 0, expected more than 0",
    ),
    "wrong mode": ('mode = "prod"\n' + GOOD, 'config.toml:1  CFG-005 mode is "prod", expected test or live'),
    "wrong zone": (
        'time_zone = "Europe/Berln"\n' + GOOD,
        (
            'config.toml:1  CFG-005 time_zone is "Europe/Berln", which is no IANA time zone  '
            "Did you mean: Europe/Berlin, …?"
        ),
    ),
    "text for a number": (
        GOOD + '[jobs]\nsync_every_seconds = "many"\n',
        'config.toml:10  CFG-005 sync_every_seconds is "many", expected a number  Or write "off".',
    ),
    "too small": (
        GOOD + "[jobs]\nsync_every_seconds = 0\n",
        "config.toml:10  CFG-005 sync_every_seconds is 0, expected more than 0",
    ),
    "too large": (
        GOOD + "[safety]\nmax_changed_share = 30\n",
        "config.toml:10  CFG-005 max_changed_share is 30, expected at most 1",
    ),
    "not finite": (
        GOOD + "[safety]\nmax_changed_share = nan\n",
        "config.toml:10  CFG-005 max_changed_share is NaN, expected a finite number",
    ),
    "rate of nothing": (
        STRIPE + "requests_per_second = 0\n" + CRM,
        "config.toml:3  CFG-005 requests_per_second is 0, expected more than 0.0",
    ),
    "unknown currency": (
        GOOD + "[safety]\nmax_contract_amount = { usx = 1 }\n",
        (
            "config.toml:10  CFG-005 'usx' is not a currency that Stripe bills in  "
            'Write a code such as usd, or "*" for all others.'
        ),
    ),
    "negative amount": (
        GOOD + "[safety.max_contract_amount]\nusd = -1\n",
        "config.toml:10  CFG-005 usd is -1, expected at least 0",
    ),
    "number for text": (
        GOOD + "api_version = 62.0\n",
        'config.toml:9  CFG-005 api_version is 62.0, expected a version such as "62.0"',
    ),
    "date for text": ("time_zone = 2\n" + GOOD, 'config.toml:1  CFG-005 time_zone is 2, expected text  Write "2".'),
    "what a terminal would obey": (
        GOOD + '[log]\nlevel = "\\u001b[31m"\n',
        'config.toml:10  CFG-005 level is "\\u001b[31m", expected debug, info, warning or error',
    ),
    "wrong log level": (
        GOOD + '[log]\nlevel = "loud"\n',
        'config.toml:10  CFG-005 level is "loud", expected debug, info, warning or error',
    ),
    "unknown database": (
        'database = "mysql://root@db/x"\n' + GOOD,
        "config.toml:1  CFG-005 database is no URL we know  Write sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
    "password in the database's URL": (
        'database = "postgresql://u:hunter2@db/x"\n' + GOOD,
        (
            "config.toml:1  CFG-006 database holds a password, and a secret must not stand in the file  "
            "Write env:NAME, file:PATH or keyring:SERVICE/USER."
        ),
    ),
    "secret in the file": (
        '[stripe]\napi_key = "hunter2"\n' + CRM,
        (
            "config.toml:2  CFG-006 api_key is no reference, and a secret must not stand in the file  "
            "Write env:NAME, file:PATH or keyring:SERVICE/USER."
        ),
    ),
    "Stripe key in the file": (
        '[stripe]\napi_key = "sk_test_hunter2hunter2"\n' + CRM,
        (
            "config.toml:2  CFG-006 a secret must not stand in the file  "
            'Keep it elsewhere, write api_key = "env:STRIPE_API_KEY", and roll the key if others saw the file.'
        ),
    ),
    "Stripe key in a remark": (
        GOOD + "# was rk_live_hunter2hunter2\n",
        (
            "config.toml:9  CFG-006 a secret must not stand in the file  "
            'Keep it elsewhere, write api_key = "env:STRIPE_API_KEY", and roll the key if others saw the file.'
        ),
    ),
    "reference for a name": (
        GOOD + 'username = "env:SF_USER"\n',
        "config.toml:9  CFG-007 username is no secret and takes no reference  Write the name itself.",
    ),
    "unknown kind": (
        GOOD.replace('"salesforce"', '"pipedrive"'),
        'config.toml:4  CFG-008 unknown kind of CRM "pipedrive"  Known: salesforce, hubspot, or a package.',
    ),
    "hubspot without a token": (
        STRIPE + '[crm.hs]\nkind = "hubspot"\nmapping = "m.yaml"\n',
        "config.toml:3  CFG-004 [crm.hs] lacks access_token  See config.example.toml.",
    ),
    "a key of the other kind": (
        STRIPE + '[crm.hs]\nkind = "hubspot"\nmapping = "m.yaml"\naccess_token = "env:T"\ndomain = "acme.my"\n',
        'config.toml:7  CFG-003 unknown key "domain" in [crm.hs]  Did you mean: mapping?',
    ),
    "hubspot token in the file": (
        STRIPE + '[crm.hs]\nkind = "hubspot"\nmapping = "m.yaml"\naccess_token = "pat-na1-1"\n',
        (
            "config.toml:6  CFG-006 access_token is no reference, and a secret must not stand in the file  "
            "Write env:NAME, file:PATH or keyring:SERVICE/USER."
        ),
    ),
    "jwt": (
        login("jwt", 'username = "me"\n'),
        'config.toml:3  CFG-009 [crm.sf] with auth = "jwt" lacks client_id, private_key  See config.example.toml.',
    ),
    "password": (
        login("password"),
        (
            'config.toml:3  CFG-009 [crm.sf] with auth = "password" lacks '
            "client_id, client_secret, username, password  See config.example.toml."
        ),
    ),
    "session": (
        login("session"),
        (
            'config.toml:3  CFG-009 [crm.sf] with auth = "session" lacks session_id, instance_url  '
            "See config.example.toml."
        ),
    ),
    "unknown login": (
        login("oauth"),
        'config.toml:6  CFG-005 auth is "oauth", expected client_credentials, jwt, password or session',
    ),
    "client credentials at login": (
        login("client_credentials", 'domain = "login"\nclient_id = "env:A"\nclient_secret = "env:B"\n'),
        'config.toml:7  CFG-005 client credentials do not work at "login"  Write your My Domain: acme.my.',
    ),
    "client credentials at the default": (
        login("client_credentials", 'client_id = "env:A"\nclient_secret = "env:B"\n'),
        'config.toml:3  CFG-005 client credentials do not work at "login"  Write your My Domain: acme.my.',
    ),
    "domain with a scheme": (
        GOOD + 'domain = "https://acme"\n',
        'config.toml:9  CFG-005 domain is "https://acme", expected login, test or a My Domain such as acme.my',
    ),
    "remote emulator": (
        STRIPE + 'base_url = "https://evil.example"\n' + CRM,
        "config.toml:3  CFG-010 base_url does not point to this machine  Write http://127.0.0.1:PORT.",
    ),
    "remote emulator, live": (
        'mode = "live"\n' + STRIPE + 'allow_remote_base_url = true\nbase_url = "https://mock.example"\n' + CRM,
        'config.toml:5  CFG-010 a live key must not go to another base_url  Leave base_url out, or set mode = "test".',
    ),
    "remote Salesforce emulator": (
        GOOD + 'base_url = "http://127.0.0.1.evil.example"\n',
        "config.toml:9  CFG-010 base_url does not point to this machine  Write http://127.0.0.1:PORT.",
    ),
    "instance elsewhere": (
        GOOD.replace("acme.my.salesforce.com", "acme.my.salesforce.com.evil.example"),
        "config.toml:8  CFG-010 instance_url is no Salesforce address  Write https://YOUR-DOMAIN.my.salesforce.com.",
    ),
    "instance in the open": (
        GOOD.replace("https://acme.my.salesforce.com", "http://127.0.0.1:80"),
        "config.toml:8  CFG-010 instance_url is no Salesforce address  Write https://YOUR-DOMAIN.my.salesforce.com.",
    ),
    "live from a sandbox": (
        'mode = "live"\n' + GOOD + 'domain = "test"\n',
        (
            'config.toml:10  CFG-012 a CRM sandbox must not bill live customers (mode = "live")  '
            'Connect the production org, or set mode = "test".'
        ),
    ),
    "name of a connection": (
        GOOD.replace("crm.sf", "crm.Sales"),
        (
            "config.toml:3  CFG-005 a connection's name is up to 40 of a-z, 0-9, - and _, a letter first"
            "  Write [crm.salesforce]."
        ),
    ),
    "no TOML": (
        "[stripe]\napi_key = \n",
        "config.toml:2:11  CFG-002 not valid TOML: invalid value",
    ),
    "unfinished TOML": ('[stripe]\nx = """', "config.toml:2  CFG-002 not valid TOML: unterminated string"),
    "key twice": (
        'mode = "test"\nmode = "live"\n',
        "config.toml:2:14  CFG-002 not valid TOML: cannot overwrite a value",
    ),
}
