import AuthServer
import Foundation
import GravityContracts
import GravityDiscovery
import Testing

@testable import gravity

/// What an operator writes, and what becomes of it.
@Suite struct SettingsTests {
  private static func layers(_ environment: [String: String]) async throws -> LayeredConfiguration {
    try await LayeredConfiguration(commandLine: [:], environment: environment, file: nil)
  }

  @Test("auth takes its name and the age of a step-up from the settings, and has its own without")
  func auth() async throws {
    let set = try RunningAuth.configuration(
      try await Self.layers(["GRAVITY_AUTH_STEP_UP_AGE": "2m", "GRAVITY_SITE_NAME": "The Shop"]))
    #expect(set.stepUpMaximumAge == 120 && set.displayName == "The Shop")
    try set.validate()
    let standard = try RunningAuth.configuration(try await Self.layers([:]))
    #expect(standard.stepUpMaximumAge == 600 && standard.displayName == "Gravity")
  }

  @Test(
    "a value out of its bounds is refused by the setting's name",
    arguments: [
      ("GRAVITY_AUTH_STEP_UP_AGE", "59s"), ("GRAVITY_AUTH_STEP_UP_AGE", "61m"), ("GRAVITY_AUTH_STEP_UP_AGE", "600"),
      ("GRAVITY_SITE_NAME", ""), ("GRAVITY_SITE_NAME", String(repeating: "x", count: 101)),
    ])
  func bounds(name: String, value: String) async throws {
    let layers = try await Self.layers([name: value])
    let error = #expect(throws: ConfigurationError.self) { try RunningAuth.configuration(layers) }
    #expect(error.map { "\($0)".contains(name) } == true, "\(String(describing: error))")
  }

  @Test("a connection to a service is kept unused for as long as the setting says")
  func upstreamIdle() async throws {
    let set = try await Self.layers(["GRAVITY_GATEWAY_UPSTREAM_IDLE": "4s"])
    #expect(try set.value(Settings.upstreamIdle) == .seconds(4))
    #expect(try await Self.layers([:]).value(Settings.upstreamIdle) == .seconds(55))
    for wrong in ["0s", "2h", "4"] {
      let layers = try await Self.layers(["GRAVITY_GATEWAY_UPSTREAM_IDLE": wrong])
      #expect(throws: ConfigurationError.self) { try layers.value(Settings.upstreamIdle) }
    }
  }

  @Test("webhooks may be told of every family that is declared, but of those about who gets in")
  func webhooks() {
    let (all, offered) = (
      Set(Catalog.services.flatMap(\.events).map(\.family)), Set(Catalog.offeredToWebhooks.map(\.family))
    )
    #expect(offered.isSuperset(of: ["user", "team", "export", "order", "payment", "notification"]))
    #expect(all.subtracting(offered) == Catalog.withheldFamilies, "neither forgotten nor withheld for nothing")
  }
}
