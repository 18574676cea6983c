# SPDX-License-Identifier: Apache-2.0
"""The packet filters a daemon can work with: how a host is closed for each, and what shows there."""

import re
import time
from typing import Dict, List, Optional, Sequence

from . import firewall
from .inside import inside_host
from .namespaces import Namespace, Network


class Backend:
    """One column of a table of behaviours; the rows know nothing but this."""

    name = ""
    kernel_ends_grants = False  # also when the daemon is dead
    restores_at_once = False  # what somebody else removes

    def close_host(self, net: Network) -> None:
        """The host as it is before the daemon starts."""
        raise NotImplementedError

    def inside(self, net: Network, way_back: bool = True):
        """A host behind this one, as `inside_host` makes it, closed as this filter needs it."""
        raise NotImplementedError

    def config(self, ports: Sequence[str], second: bool = False) -> Dict[str, str]:
        """Directives that hide `ports`; `second`: of another daemon on the same host."""
        raise NotImplementedError

    def policy(self, gateway: Namespace) -> str:
        """All that the filter holds, without what passes by itself."""
        raise NotImplementedError

    def ours(self, gateway: Namespace) -> List[str]:
        """What of it is the daemon's."""
        raise NotImplementedError

    def flush_all(self, gateway: Namespace) -> None:
        """What a careless administrator does."""
        raise NotImplementedError

    def seconds_left(self, listing: str) -> Optional[float]:
        """Of the first grant in what --fw-list prints."""
        raise NotImplementedError


class Iptables(Backend):
    """Opens holes in a policy that drops."""

    name = "iptables"

    def close_host(self, net: Network) -> None:
        net.hide()

    def inside(self, net: Network, way_back: bool = True):
        return inside_host(net, way_back)

    def config(self, ports: Sequence[str], second: bool = False) -> Dict[str, str]:
        chain = {"IPT_INPUT_ACCESS": "ACCEPT, filter, INPUT, 1, SECOND_FWKNOP, 1"}
        return {"FIREWALL_BACKEND": "iptables", **(chain if second else {})}

    def policy(self, gateway: Namespace) -> str:
        return "\n".join(firewall.saved(gateway) + firewall.saved(gateway, v6=True))

    def ours(self, gateway: Namespace) -> List[str]:
        return firewall.ours_in(self.policy(gateway).splitlines())

    def flush_all(self, gateway: Namespace) -> None:
        gateway.run("iptables", "-D", "INPUT", "-j", "FWKNOP_INPUT")
        gateway.run("iptables", "-F", "FWKNOP_INPUT")
        gateway.run("iptables", "-X", "FWKNOP_INPUT")

    def seconds_left(self, listing: str) -> Optional[float]:
        found = re.search(r"_exp_(\d+)", listing)
        return int(found[1]) - time.time() if found else None


class Nftables(Backend):
    """Hides ports of a host that accepts everything."""

    name = "nftables"
    kernel_ends_grants = True
    restores_at_once = True

    def close_host(self, net: Network) -> None:
        net.gateway.run("nft", "flush", "ruleset")

    def inside(self, net: Network, way_back: bool = True):
        return inside_host(net, way_back, hide=False)

    def config(self, ports: Sequence[str], second: bool = False) -> Dict[str, str]:
        table = {"NFT_TABLE": "second_fwknop"}
        return {"FIREWALL_BACKEND": "nftables", "PROTECT_PORTS": ",".join(ports),
                **(table if second else {})}

    def policy(self, gateway: Namespace) -> str:
        return gateway.run("nft", "list", "ruleset")

    def ours(self, gateway: Namespace) -> List[str]:
        return [line for line in self.policy(gateway).splitlines() if "fwknop" in line]

    def flush_all(self, gateway: Namespace) -> None:
        gateway.run("nft", "flush", "ruleset")

    def seconds_left(self, listing: str) -> Optional[float]:
        found = re.search(r"expires (?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", listing)
        if not found:
            return None
        minutes, seconds, parts = (int(each or 0) for each in found.groups())
        return 60 * minutes + seconds + parts / 1000


BACKENDS = (Iptables(), Nftables())
