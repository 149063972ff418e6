"""Makes boto3 of any age use the local endpoint when the caller names none.

botocore reads AWS_ENDPOINT_URL itself from 1.31 on, and AWS_DISABLE_HOST_PREFIX_INJECTION from 1.37.5 on. Older ones
get the same here: for every client that botocore or aiobotocore creates, through boto3, a hook or a bare session.
"""

import functools
import os


def install_in_botocore(session_module):
    """Wrap `botocore.session.Session.create_client`."""
    _wrap(session_module.Session)
    _keep_host_names()


def install_in_aiobotocore(session_module):
    """Wrap `aiobotocore.session.AioSession.create_client`, which does not call botocore's."""
    _wrap(session_module.AioSession)


def _wrap(session_class):
    original = session_class.__dict__.get("create_client")
    if original is None or _reads_the_variable_itself():
        return

    @functools.wraps(original)
    def create_client(
        self,
        service_name,
        region_name=None,
        api_version=None,
        use_ssl=True,
        verify=None,
        endpoint_url=None,
        *args,
        **kwargs,
    ):
        chosen = endpoint_url or _endpoint_for(service_name)
        return original(
            self, service_name, region_name, api_version, use_ssl, verify, chosen, *args, **kwargs
        )

    session_class.create_client = create_client


def _keep_host_names():
    """Have nothing put before the endpoint's name unless a client asks for it: `api.127.0.0.1` is nowhere.

    From 1.37.5 on the default is not True but unset, and the variable decides.
    """
    from botocore.config import Config

    defaults = Config.OPTION_DEFAULTS
    if os.environ.get("MWAA_LOCAL_AWS_ENDPOINT") and defaults.get("inject_host_prefix") is True:
        defaults["inject_host_prefix"] = False


def _endpoint_for(service_name):
    """Return the endpoint of one service, if any: AWS_ENDPOINT_URL_S3 and the like win, as in newer botocores."""
    name = service_name.replace("-", "_").replace(" ", "_").upper()
    return os.environ.get("AWS_ENDPOINT_URL_" + name) or os.environ.get("MWAA_LOCAL_AWS_ENDPOINT") or None


def _reads_the_variable_itself():
    import botocore.configprovider

    return hasattr(botocore.configprovider, "ConfiguredEndpointProvider")
