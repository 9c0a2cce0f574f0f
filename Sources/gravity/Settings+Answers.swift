import Gateway
import GravityDiscovery

/// What the gateway makes of services' answers.
extension Settings {
  static let corsOrigins = Setting<[String]>(
    "gravity.gateway.cors.origins",
    "pages of which origins may use the platform from a browser, apart by commas; none unless it is set",
    expected: "a list such as https://app.example.org,https://*.example.org, or *"
  ) { text in
    let origins = text.split(separator: ",").map { $0.filter { $0 != " " } }
    return (try? CORSPolicy(origins: origins)) == nil ? nil : origins
  }
  static let compression = Setting(
    flag: "gravity.gateway.compression",
    "whether answers of public routes to GET are compressed, for whoever bears neither token nor cookie",
    standard: true)

  static let answers: [any AnySetting] = [corsOrigins, compression]
}
