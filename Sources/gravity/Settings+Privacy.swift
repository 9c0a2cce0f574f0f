import GravityDiscovery

/// What becomes of people who leave.
extension Settings {
  static let deletionGrace = Setting(
    duration: "gravity.user.deletion.grace", "how long somebody who asked to be erased may take it back",
    standard: .seconds(30 * 86400), in: .zero...(.seconds(365 * 86400)))
  static let erasureServices = Setting<[String]>(
    "gravity.user.erasure.services",
    "the services that hold personal data, apart by commas: an erasure waits for each of them; those of this platform "
      + "unless it is set", expected: "a list such as auth,notification,order,payment"
  ) { text in
    let names = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
    return names.isEmpty || Set(names).count != names.count ? nil : names
  }
  static let erasureRetry = Setting(
    duration: "gravity.user.erasure.retry",
    "after how long a service that has not erased everything is asked again", standard: .seconds(3600),
    in: .seconds(1)...(.seconds(7 * 86400)))
  static let erasureDeadline = Setting(
    duration: "gravity.user.erasure.deadline", "after how long an erasure that is not done is overdue",
    standard: .seconds(86400), in: .zero...(.seconds(30 * 86400)))

  static let privacy: [any AnySetting] = [deletionGrace, erasureServices, erasureRetry, erasureDeadline]
}
