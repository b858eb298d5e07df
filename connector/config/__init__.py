"""config.toml and the environment → one frozen Config; secrets only by reference."""

from connector.config.monitoring import AlertsConfig, MonitorConfig
from connector.config.rules import check_key_mode, check_sandbox
from connector.config.secrets import SecretRef
from connector.config.settings import Config, load_config
from connector.config.show import ExplainedSetting, explain_config
from connector.config.tables import (
    HubSpotConnection,
    JobsConfig,
    LogConfig,
    SafetyConfig,
    SalesforceConnection,
    StripeConfig,
)

__all__ = [
    "AlertsConfig",
    "Config",
    "ExplainedSetting",
    "HubSpotConnection",
    "JobsConfig",
    "LogConfig",
    "MonitorConfig",
    "SafetyConfig",
    "SalesforceConnection",
    "SecretRef",
    "StripeConfig",
    "check_key_mode",
    "check_sandbox",
    "explain_config",
    "load_config",
]
