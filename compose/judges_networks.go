package compose

func judgeNetworkDriver(a attribute) (Verdict, string) {
	switch a.text {
	case "", "default", "bridge", "overlay":
		return Applied, ""
	case "macvlan", "ipvlan", "host":
		return Refused, "containers do not join the machine's own network; remove the driver and publish ports"
	case "none", "null":
		return Refused, `a network that joins nobody is none; write "network_mode: none" in the services`
	}
	return Approximated, "the cluster's network is used, with walls around each network"
}

// judgeNetworkOption refuses the one option without which the file would be
// less closed than it says.
func judgeNetworkOption(a attribute) (Verdict, string) {
	if a.name() == "com.docker.network.bridge.enable_icc" && !truthy(a.text) {
		return Refused, "services of one network reach each other; give each a network of its own"
	}
	return Approximated, "not set: the cluster's network has no such option"
}

func judgeInternal(a attribute) (Verdict, string) {
	if !truthy(a.text) {
		return Applied, ""
	}
	return Applied, "its services reach each other, and of all else only the cluster's DNS and API"
}

func judgeIPv4(a attribute) (Verdict, string) {
	if truthy(a.text) {
		return Applied, ""
	}
	return Approximated, "services have IPv4 addresses"
}

func judgeIPv6(a attribute) (Verdict, string) {
	if !truthy(a.text) {
		return Applied, ""
	}
	return Approximated, "services have no IPv6 addresses"
}

func judgeNetworkMode(a attribute) (Verdict, string) {
	switch {
	case a.text == "" || a.text == modeBridge || a.text == modeDefault:
		return Applied, ""
	case a.text == modeNone:
		return Approximated, "its network leads nowhere; only the cluster's DNS and API would answer"
	case a.text == modeHost:
		return Approximated, "no wall stands around it, and its namespace lets pods rule the machine (Pod Security: privileged)"
	}
	return judgeJoin(a, "network")
}
