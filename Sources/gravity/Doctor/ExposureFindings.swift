import GravityDiscovery

/// Settings that are right on one's own machine and not where others come.
enum ExposureFindings {
  static func all(_ configuration: PlatformConfiguration) -> [Finding] {
    guard !configuration.isLoopback else { return [] }
    var findings: [Finding] = []
    if let issuer = try? configuration.layers.value(Settings.issuer), ServerHost(issuer)?.isLoopback == true {
      findings.append(
        Finding(
          "settings", "GRAVITY_ISSUER is \(issuer), which clients elsewhere cannot reach",
          remedy: "set it to the platform's public https address"))
    }
    if let cost = try? configuration.layers.value(Settings.bcryptCost), cost < 10 {
      findings.append(
        Finding(
          "settings", "GRAVITY_AUTH_BCRYPT_COST is \(cost): stolen hashes would be cheap to try", remedy: "use 10 to 14"
        ))
    }
    return findings
  }
}
