// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "gravity",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "gravity", targets: ["gravity"]),
    .library(
      name: "GravityKit",
      targets: [
        "GravityCache", "GravityContracts", "GravityData", "GravityDiscovery", "GravityEvents", "GravityHTTP",
        "GravityIdentity", "GravityLimits", "GravityPersonalData", "GravitySaga", "GravityService", "GravityTasks",
        "GravityTelemetry",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-service-context", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
  ],
  targets: [
    // The kit: what a service is made of.
    kit("GravityContracts"),
    kit("GravityTelemetry", [.coreMetrics, .log, .serviceContext]),
    kit("GravityData", [.log, .metrics, .serviceContext]),
    kit("GravityCache", [.lifecycle, .log, .metrics]),
    kit("GravityLimits"),
    kit(
      "GravityEvents", on: ["GravityContracts", "GravityData", "GravityTelemetry"],
      [.lifecycle, .log, .metrics, .serviceContext]),
    kit(
      "GravityTasks", on: ["GravityContracts", "GravityData", "GravityTelemetry"],
      [.lifecycle, .log, .metrics, .serviceContext]),
    kit(
      "GravitySaga", on: ["GravityContracts", "GravityData", "GravityTelemetry"],
      [.lifecycle, .log, .metrics, .serviceContext]),
    kit("GravityPersonalData", on: ["GravityContracts", "GravityData", "GravityEvents"]),
    kit("GravityIdentity", on: ["GravityContracts", "CXCrypt"], [.crypto, .jwt, .nio, .nioPosix]),
    kit(
      "GravityDiscovery", on: ["GravityContracts", "GravityTelemetry"],
      [
        .asyncHTTPClient, .configuration, .lifecycle, .log, .nio, .nioFoundation, .nioHTTP1, .nioPosix, .serviceContext,
        .system,
      ]),
    kit(
      "GravityHTTP", on: ["GravityContracts", "GravityData", "GravityIdentity", "GravityTelemetry"],
      [.coreMetrics, .crypto, .hummingbird, .httpTypes, .lifecycle, .log, .nio, .nioFoundation, .serviceContext]),
    kit(
      "GravityService",
      on: [
        "GravityCache", "GravityContracts", "GravityData", "GravityDiscovery", "GravityEvents", "GravityHTTP",
        "GravityIdentity", "GravityTelemetry",
      ],
      [.asyncHTTPClient, .hummingbird, .lifecycle, .log, .nio, .nioHTTP1, .serviceContext]),

    // Real systems behind ports of the kit.
    engine("SQLiteEngine", port: "GravityData", [.grdb, .grdbSQLite, .log, .metrics]),
    engine("PostgresEngine", port: "GravityData", on: ["CPQ"], [.log, .metrics]),
    engine("RabbitMQEngine", port: "GravityEvents", on: ["CRabbitMQ", "GravityData"], [.coreMetrics, .log]),
    engine(
      "ConsulEngine", port: "GravityDiscovery", on: ["GravityData"],
      [.asyncHTTPClient, .lifecycle, .log, .nio, .nioFoundation, .nioHTTP1, .nioSSL]),
    engine(
      "RedisEngine", port: "GravityCache", on: ["GravityData", "GravityIdentity", "GravityLimits"],
      [.coreMetrics, .crypto, .lifecycle, .log, .nio, .nioPosix, .nioSSL]),
    engine("OpenIDEngine", port: "GravityIdentity", on: ["AuthServer", "GravityContracts"], [.jwt, .log]),
    engine(
      "OutgoingHTTPEngine", port: "NotificationServer", on: ["GravityContracts"],
      [.nio, .nioHTTP1, .nioPosix, .nioSSL]),
    engine("SMTPEngine", port: "NotificationServer", [.lifecycle, .nio, .nioPosix, .nioSSL]),
    .systemLibrary(name: "CRabbitMQ", path: "Sources/System/CRabbitMQ", pkgConfig: "librabbitmq"),
    .systemLibrary(name: "CPQ", path: "Sources/System/CPQ", pkgConfig: "libpq"),
    .systemLibrary(name: "CXCrypt", path: "Sources/System/CXCrypt"),
    .systemLibrary(name: "CZlib", path: "Sources/System/CZlib"),
    .systemLibrary(name: "CBrotli", path: "Sources/System/CBrotli"),
  ]
    + service(
      "Auth", calls: ["Notification", "User"],
      on: [
        "GravityCache", "GravityData", "GravityDiscovery", "GravityEvents", "GravityIdentity", "GravityPersonalData",
      ],
      [.crypto, .cryptoExtras, .jwt, .lifecycle, .log])
    + service(
      "User", calls: ["Auth", "Notification"],
      on: [
        "CZlib",
        "GravityCache", "GravityData", "GravityDiscovery", "GravityEvents", "GravityIdentity", "GravityPersonalData",
        "GravitySaga", "GravityTasks",
      ],
      [.crypto, .lifecycle, .log, .metrics])
    + service(
      "Notification", calls: ["Auth", "Order", "User"],
      on: [
        "GravityData", "GravityDiscovery", "GravityEvents", "GravityIdentity", "GravityPersonalData", "GravityTasks",
        "GravityTelemetry",
      ],
      [.crypto, .lifecycle, .log, .metrics, .serviceContext])
    + service(
      "Payment", calls: ["User"],
      on: ["GravityData", "GravityEvents", "GravityIdentity", "GravityPersonalData", "GravityTasks"],
      [.crypto, .lifecycle, .log, .metrics])
    + service(
      "Order", calls: ["Inventory", "Payment", "Product", "User"],
      on: [
        "GravityData", "GravityDiscovery", "GravityEvents", "GravityIdentity", "GravityPersonalData", "GravitySaga",
      ],
      [.asyncHTTPClient, .lifecycle, .log, .metrics])
    + service(
      "Product", calls: ["Inventory"],
      on: ["GravityCache", "GravityData", "GravityEvents", "GravityIdentity", "GravityTasks"],
      [.lifecycle, .log, .metrics])
    + service(
      "Inventory", calls: ["Order"], on: ["GravityData", "GravityEvents", "GravityIdentity"],
      [.lifecycle, .log, .metrics])
    // The gateway's administration; the gateway itself is no service.
    + service(
      "Gateway", on: ["Gateway", "GravityIdentity"], [.hummingbird, .lifecycle])
    + [
      .target(
        name: "Gateway",
        dependencies: [
          "CBrotli", "CZlib", "GravityContracts", "GravityDiscovery", "GravityIdentity", "GravityLimits",
          "GravityTelemetry",
        ]
          + [
            .crypto, .nio, .nioPosix, .nioSSL, .nioTLS, .lifecycle, .log, .metrics,
          ], path: "Sources/Gateway", swiftSettings: .house),
      // The gateway's routes as a person writes them down.
      .target(
        name: "RouteFile",
        dependencies: [
          "Gateway", "GravityContracts", "GravityDiscovery", .crypto, .lifecycle, .log, .metrics, .yams,
        ], path: "Sources/RouteFile", swiftSettings: .house),
      // Files for browsers; `Embedding` puts them into the program.
      .target(name: "CConsoleFiles", path: "Sources/Console/Embedding"),
      .target(
        name: "Console",
        dependencies: ["CConsoleFiles", "GravityContracts", "GravityHTTP", .crypto, .httpTypes, .hummingbird, .nio],
        path: "Sources/Console", exclude: ["Embedding", "Files"], swiftSettings: .house),
      command(
        "gravity",
        on: [
          "AuthAPI", "AuthServer", "Console", "ConsulEngine", "Gateway", "GatewayAPI", "GatewayServer",
          "GravityCache", "GravityEvents",
          "GravityLimits", "GravityPersonalData", "GravitySaga",
          "GravityService",
          "GravityTasks", "InventoryAPI", "InventoryServer", "NotificationAPI", "NotificationServer", "OrderAPI",
          "OpenIDEngine", "OrderServer", "OutgoingHTTPEngine", "PaymentAPI", "PaymentServer", "PostgresEngine",
          "ProductAPI", "ProductServer", "RabbitMQEngine", "RedisEngine", "RouteFile", "SMTPEngine", "SQLiteEngine",
          "UserAPI", "UserServer",
        ],
        [
          .argumentParser, .asyncHTTPClient, .crypto, .lifecycle, .log, .nio, .nioFoundation, .nioHTTP1, .nioPosix,
          .unixSignals,
        ]),

      // The one way in which tests wait; every test target has it.
      .target(name: "Patience", path: "Tests/Patience", swiftSettings: .house),
      // What tests of services and of the kit on databases stand on.
      .target(
        name: "Testbed",
        dependencies: [
          "GravityContracts", "GravityData", "Patience", "PostgresEngine", "SQLiteEngine", .hummingbirdTesting,
          .httpTypes, .log, .nio,
        ], path: "Tests/Testbed", swiftSettings: .house),
      // Real servers, bad networks and programs to kill.
      .target(name: "TestServers", dependencies: ["Patience"], path: "Tests/TestServers", swiftSettings: .house),
      // A suite for each port, which every engine's tests run.
      .target(
        name: "DatabaseConformance", dependencies: ["GravityData", "Patience", "TestServers"],
        path: "Tests/Conformance/DatabaseConformance",
        swiftSettings: .house),
      // What its crash test kills.
      .executableTarget(
        name: "databasecrash", dependencies: ["GravityData", "PostgresEngine", "SQLiteEngine"],
        path: "Tests/Conformance/DatabaseCrash", swiftSettings: .house),
      .executableTarget(
        name: "databasebench", dependencies: ["GravityData", "PostgresEngine", "SQLiteEngine", .grdb],
        path: "Benchmarks/database", exclude: ["run", "asyncpg_bench.py"], swiftSettings: .house),
      .target(
        name: "CacheStoreConformance", dependencies: ["GravityCache"], path: "Tests/Conformance/CacheStoreConformance",
        swiftSettings: .house),
      // What the crash test of tasks kills.
      .executableTarget(
        name: "taskcrash", dependencies: ["GravityData", "GravityTasks", "PostgresEngine", "SQLiteEngine", .log],
        path: "Tests/Conformance/TaskCrash", swiftSettings: .house),
      .executableTarget(
        name: "tasksbench", dependencies: ["GravityData", "GravityTasks", "PostgresEngine", "SQLiteEngine", .log],
        path: "Benchmarks/tasks", swiftSettings: .house),
      .executableTarget(
        name: "cachebench", dependencies: ["GravityCache"], path: "Benchmarks/cache", swiftSettings: .house),
      .target(
        name: "BrokerConformance", dependencies: ["GravityEvents", "Patience"],
        path: "Tests/Conformance/BrokerConformance", swiftSettings: .house),
      // What is killed between every two steps of an event's way.
      .executableTarget(
        name: "eventscrash",
        dependencies: [
          "GravityContracts", "GravityData", "GravityEvents", "Patience", "PostgresEngine", "RabbitMQEngine",
          "SQLiteEngine", .log,
        ], path: "Tests/Conformance/EventsCrash", swiftSettings: .house),
      .executableTarget(
        name: "eventsbench",
        dependencies: [
          "GravityContracts", "GravityData", "GravityEvents", "PostgresEngine", "RabbitMQEngine", "SQLiteEngine", .log,
        ], path: "Benchmarks/events/pipeline", swiftSettings: .house),
      .executableTarget(
        name: "brokerbench", dependencies: ["GravityEvents", "RabbitMQEngine"], path: "Benchmarks/events/broker",
        swiftSettings: .house),
      // What is killed between every two steps of a saga.
      .executableTarget(
        name: "sagacrash",
        dependencies: [
          "GravityContracts", "GravityData", "GravitySaga", "Patience", "PostgresEngine", "SQLiteEngine", .log,
        ], path: "Tests/Conformance/SagaCrash", swiftSettings: .house),
      // What is killed in the middle of sending mails.
      .executableTarget(
        name: "notificationcrash",
        dependencies: [
          "GravityContracts", "GravityData", "GravityIdentity", "NotificationServer", "Patience", "PostgresEngine",
          "SMTPEngine", "SQLiteEngine", "UserAPI", .lifecycle, .log, .nioPosix,
        ], path: "Tests/Conformance/NotificationCrash", swiftSettings: .house),
      .executableTarget(
        name: "sagasbench",
        dependencies: ["GravityContracts", "GravityData", "GravitySaga", "PostgresEngine", "SQLiteEngine", .log],
        path: "Benchmarks/sagas", exclude: ["run"], swiftSettings: .house),
      .executableTarget(
        name: "inventorybench",
        dependencies: [
          "GravityContracts", "GravityData", "GravityHTTP", "GravityIdentity", "GravityTelemetry", "InventoryAPI",
          "InventoryServer", "PostgresEngine", "SQLiteEngine", .asyncHTTPClient, .hummingbird, .log, .nio, .nioHTTP1,
          .nioPosix,
        ], path: "Benchmarks/inventory", exclude: ["run"], swiftSettings: .house),
      .executableTarget(
        name: "cataloguebench",
        dependencies: [
          "GravityCache", "GravityContracts", "GravityData", "GravityHTTP", "GravityIdentity", "GravityTelemetry",
          "PostgresEngine", "ProductAPI", "ProductServer", "SQLiteEngine", .hummingbird, .log,
        ], path: "Benchmarks/catalogue", exclude: ["run", "fastapi_app.py"], swiftSettings: .house),
      .target(
        name: "LimitStoreConformance", dependencies: ["GravityLimits", "Patience"],
        path: "Tests/Conformance/LimitStoreConformance", swiftSettings: .house),
      .target(
        name: "RegistryConformance", dependencies: ["GravityDiscovery", .lifecycle, .log, .nio, .nioHTTP1, .nioPosix],
        path: "Tests/Conformance/RegistryConformance", swiftSettings: .house),
      .executableTarget(
        name: "discoverybench", dependencies: ["ConsulEngine", "GravityDiscovery", .log, .nio, .nioPosix],
        path: "Benchmarks/discovery", exclude: ["run"], swiftSettings: .house),
      .target(
        name: "TokenStoreConformance", dependencies: ["GravityIdentity"],
        path: "Tests/Conformance/TokenStoreConformance", swiftSettings: .house),
    ]
    + [
      tests("GravityContracts"),
      tests("GravityTelemetry", [.coreMetrics, .log, .serviceContext]),
      tests("GravityData", with: ["SQLiteEngine"]),
      tests("GravityLimits", with: ["LimitStoreConformance"]),
      tests("GravityCache", with: ["CacheStoreConformance"], [.coreMetrics, .log, .metrics]),
      tests(
        "GravityEvents",
        with: [
          "BrokerConformance", "GravityContracts", "GravityData", "GravityTelemetry", "PostgresEngine", "SQLiteEngine",
          "TestServers", "Testbed", "eventscrash",
        ], [.lifecycle, .log, .serviceContext]),
      tests(
        "RabbitMQEngine",
        with: ["BrokerConformance", "GravityContracts", "GravityData", "GravityEvents", "SQLiteEngine", "TestServers"],
        [.coreMetrics, .log]),
      tests(
        "RedisEngine",
        with: [
          "CacheStoreConformance", "GravityCache", "GravityIdentity", "GravityLimits", "LimitStoreConformance",
          "TestServers", "TokenStoreConformance",
        ], [.coreMetrics, .crypto, .log, .nio, .nioEmbedded, .nioPosix]),
      tests(
        "GravityTasks",
        with: [
          "GravityContracts", "GravityData", "GravityTelemetry", "PostgresEngine", "SQLiteEngine", "TestServers",
          "Testbed", "taskcrash",
        ], [.lifecycle, .log, .serviceContext]),
      tests(
        "GravitySaga",
        with: [
          "GravityContracts", "GravityData", "GravityTelemetry", "PostgresEngine", "SQLiteEngine", "TestServers",
          "Testbed", "sagacrash",
        ], [.lifecycle, .log, .serviceContext]),
      tests("GravityIdentity", with: ["GravityContracts", "TokenStoreConformance"], [.crypto, .jwt]),
      tests(
        "GravityDiscovery", with: ["GravityContracts", "RegistryConformance"],
        [.asyncHTTPClient, .lifecycle, .log, .nio, .nioPosix]),
      tests(
        "ConsulEngine", with: ["GravityDiscovery", "RegistryConformance", "TestServers"],
        [.lifecycle, .log, .nio, .nioHTTP1, .nioPosix]),
      tests(
        "GravityService",
        with: [
          "GravityContracts", "GravityData", "GravityDiscovery", "GravityEvents", "GravityHTTP", "GravityTasks",
          "GravityTelemetry", "Testbed",
        ],
        [
          .asyncHTTPClient, .coreMetrics, .hummingbird, .httpTypes, .lifecycle, .log, .nio, .nioHTTP1, .nioPosix,
          .serviceContext,
        ]),
      tests(
        "GravityHTTP", with: ["GravityContracts", "GravityData", "GravityIdentity", "GravityTelemetry"],
        [.hummingbird, .hummingbirdTesting, .httpTypes, .log, .nio, .nioPosix]),
      .testTarget(
        name: "OutgoingHTTPEngineTests",
        dependencies: [
          "GravityContracts", "NotificationServer", "OutgoingHTTPEngine", "Patience", "TestServers", .nio, .nioPosix,
        ], path: "Tests/OutgoingHTTPEngineTests", exclude: ["receiver.py"], swiftSettings: .house),
      .testTarget(
        name: "SMTPEngineTests",
        dependencies: ["NotificationServer", "Patience", "SMTPEngine", "TestServers", .nio, .nioPosix],
        path: "Tests/SMTPEngineTests", exclude: ["mailserver.py"], swiftSettings: .house),
      tests("SQLiteEngine", with: ["GravityData", "DatabaseConformance", "databasecrash"]),
      tests("PostgresEngine", with: ["GravityData", "DatabaseConformance", "TestServers", "databasecrash"]),
      tests(
        "AuthServer",
        with: [
          "AuthAPI", "GravityContracts", "GravityData", "GravityDiscovery", "GravityEvents", "GravityHTTP",
          "GravityIdentity", "GravityPersonalData", "GravityTelemetry", "NotificationAPI", "NotificationServer",
          "OpenIDEngine", "OutgoingHTTPEngine", "PostgresEngine", "SQLiteEngine", "TestServers", "Testbed", "UserAPI",
        ],
        [
          .asyncHTTPClient, .crypto, .hummingbird, .hummingbirdTesting, .httpTypes, .jwt, .lifecycle, .log, .nio,
          .nioHTTP1, .nioPosix,
        ]),
      tests(
        "UserServer",
        with: [
          "AuthAPI", "GravityContracts", "GravityData", "GravityDiscovery", "GravityEvents", "GravityHTTP",
          "GravityIdentity", "GravityTelemetry", "PostgresEngine", "SQLiteEngine", "Testbed", "UserAPI",
          "GravityPersonalData", "GravitySaga", "TestServers",
        ], [.asyncHTTPClient, .crypto, .hummingbird, .hummingbirdTesting, .httpTypes, .lifecycle, .log]),
      tests(
        "ProductServer",
        with: [
          "GravityCache", "GravityContracts", "GravityData", "GravityEvents", "GravityHTTP", "GravityIdentity",
          "GravityService", "GravityTasks", "GravityTelemetry", "InventoryAPI", "PostgresEngine", "ProductAPI",
          "SQLiteEngine", "Testbed",
        ], [.hummingbird, .hummingbirdTesting, .httpTypes, .lifecycle, .log]),
      tests(
        "InventoryServer",
        with: [
          "GravityContracts", "GravityData", "GravityEvents", "GravityHTTP", "GravityIdentity", "GravityTelemetry",
          "InventoryAPI", "OrderAPI", "Testbed",
        ], [.hummingbird, .hummingbirdTesting, .httpTypes, .lifecycle, .log]),
      tests(
        "PaymentServer",
        with: [
          "GravityContracts", "GravityData", "GravityEvents", "GravityHTTP", "GravityIdentity", "GravityTasks",
          "GravityTelemetry", "PaymentAPI", "Testbed", "GravityPersonalData", "UserAPI",
        ], [.hummingbird, .hummingbirdTesting, .httpTypes, .lifecycle, .log]),
      tests(
        "NotificationServer",
        with: [
          "AuthAPI", "AuthServer", "GravityContracts", "GravityData", "GravityEvents", "GravityHTTP", "GravityIdentity",
          "GravityTelemetry", "NotificationAPI", "OrderAPI", "PostgresEngine", "SQLiteEngine", "Testbed", "UserAPI",
          "UserServer", "GravityPersonalData", "TestServers", "notificationcrash",
        ], [.hummingbird, .hummingbirdTesting, .httpTypes, .lifecycle, .log]),
      tests(
        "OrderServer",
        with: [
          "GravityContracts", "GravityData", "GravityEvents", "GravityHTTP", "GravityIdentity", "GravitySaga",
          "GravityTelemetry", "OrderAPI", "Testbed", "GravityPersonalData", "UserAPI",
        ], [.hummingbird, .hummingbirdTesting, .httpTypes, .lifecycle, .log, .nio]),
      tests(
        "Console", with: ["GravityContracts", "GravityHTTP"],
        [.httpTypes, .hummingbird, .hummingbirdTesting, .nio]),
      .testTarget(
        name: "GatewayTests",
        dependencies: [
          "CBrotli", "CZlib", "Gateway", "GravityContracts", "GravityDiscovery", "GravityIdentity", "GravityLimits",
          "GravityTelemetry", "Patience", "TestServers",
        ] + [.nio, .nioEmbedded, .nioHPACK, .nioPosix, .nioSSL, .lifecycle, .log, .metrics],
        path: "Tests/GatewayTests", exclude: ["Corpus"], swiftSettings: .house),
      tests(
        "RouteFile", with: ["Gateway", "GravityContracts", "GravityDiscovery", "GravityIdentity"],
        [.coreMetrics, .lifecycle, .log, .metrics]),
      tests(
        "GatewayServer",
        with: [
          "Gateway", "GatewayAPI", "GravityContracts", "GravityDiscovery", "GravityHTTP", "GravityIdentity",
          "GravityTelemetry",
        ],
        [.coreMetrics, .hummingbird, .hummingbirdTesting, .httpTypes, .lifecycle, .log, .nio, .nioPosix]),
      tests("OpenIDEngine", with: ["AuthServer", "GravityContracts", "GravityIdentity"], [.crypto, .log]),
      .executableTarget(
        name: "gatewayfuzz",
        dependencies: ["Gateway", "GravityContracts", "GravityIdentity", "RouteFile"] + [.crypto], path: "Tests/Fuzz",
        swiftSettings: .house),
      .executableTarget(
        name: "gatewaybench",
        dependencies: [
          "Gateway", "GravityContracts", "GravityDiscovery", "GravityIdentity", "GravityLimits", "GravityTelemetry",
        ] + [.lifecycle, .log, .metrics, .unixSignals],
        path: "Benchmarks/gateway/Bench", swiftSettings: .house),
      .executableTarget(
        name: "redisbench", dependencies: ["GravityCache", "GravityLimits", "RedisEngine", .log],
        path: "Benchmarks/redis", exclude: ["run"], swiftSettings: .house),
      .executableTarget(
        name: "limitsbench", dependencies: ["Gateway", "GravityLimits", .log, .metrics, .nio, .nioPosix],
        path: "Benchmarks/limits", exclude: ["run"], swiftSettings: .house),
      .testTarget(
        name: "EndToEndTests",
        dependencies: [
          "AuthAPI", "AuthServer", "gravity", "GravityContracts", "GravityData", "GravityDiscovery", "GravityEvents",
          "GravityIdentity", "OpenIDEngine", "Patience", "PaymentServer", "PostgresEngine", "SQLiteEngine",
          "TestServers",
        ] + [.asyncHTTPClient, .log, .nio, .nioFoundation, .nioHTTP1],
        path: "Tests/EndToEndTests", swiftSettings: .house),
    ],
  swiftLanguageModes: [.v6]
)

// MARK: - The kinds of room in the house

/// A part of the kit: depends on other parts of the kit, never on an engine or a service.
func kit(_ name: String, on kit: [String] = [], _ products: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: kit.map { .init(stringLiteral: $0) } + products,
    path: "Sources/Kit/\(name)", swiftSettings: .house)
}

/// A real system behind a port of the kit.
func engine(_ name: String, port: String, on system: [String] = [], _ products: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: ([port] + system).map { .init(stringLiteral: $0) } + products,
    path: "Sources/Engines/\(name)", swiftSettings: .house)
}

/// A service's two rooms. Others may know the first only: name the services whose API it calls in `calls`.
func service(
  _ name: String, calls: [String] = [], on kit: [String] = [], _ products: [Target.Dependency] = []
) -> [Target] {
  [
    .target(
      name: "\(name)API", dependencies: ["GravityContracts"],
      path: "Sources/Services/\(name)/API", swiftSettings: .house),
    .target(
      name: "\(name)Server",
      dependencies: [.init(stringLiteral: "\(name)API"), "GravityContracts", "GravityHTTP", "GravityService"]
        + (calls.map { "\($0)API" } + kit).map { .init(stringLiteral: $0) } + products,
      path: "Sources/Services/\(name)/Server", swiftSettings: .house),
  ]
}

func command(_ name: String, on targets: [String], _ products: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: targets.map { .init(stringLiteral: $0) } + products,
    path: "Sources/\(name)", swiftSettings: .house)
}

func tests(_ subject: String, with targets: [String] = [], _ products: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(subject)Tests",
    dependencies: ([subject, "Patience"] + targets).map { .init(stringLiteral: $0) } + products,
    path: "Tests/\(subject)Tests", swiftSettings: .house)
}

/// What every target of this package is compiled with; dependencies are not touched.
extension [SwiftSetting] {
  static var house: Self {
    [
      .enableUpcomingFeature("ExistentialAny"),
      .enableUpcomingFeature("MemberImportVisibility"),
      .enableUpcomingFeature("InternalImportsByDefault"),
      .treatAllWarnings(as: .error),
    ]
  }
}

extension Target.Dependency {
  static var argumentParser: Self { .product(name: "ArgumentParser", package: "swift-argument-parser") }
  static var asyncHTTPClient: Self { .product(name: "AsyncHTTPClient", package: "async-http-client") }
  static var configuration: Self { .product(name: "Configuration", package: "swift-configuration") }
  static var coreMetrics: Self { .product(name: "CoreMetrics", package: "swift-metrics") }
  static var crypto: Self { .product(name: "Crypto", package: "swift-crypto") }
  static var cryptoExtras: Self { .product(name: "CryptoExtras", package: "swift-crypto") }
  static var grdb: Self { .product(name: "GRDB", package: "GRDB.swift") }
  static var grdbSQLite: Self { .product(name: "GRDBSQLite", package: "GRDB.swift") }
  static var httpTypes: Self { .product(name: "HTTPTypes", package: "swift-http-types") }
  static var hummingbird: Self { .product(name: "Hummingbird", package: "hummingbird") }
  static var hummingbirdTesting: Self { .product(name: "HummingbirdTesting", package: "hummingbird") }
  static var jwt: Self { .product(name: "JWTKit", package: "jwt-kit") }
  static var lifecycle: Self { .product(name: "ServiceLifecycle", package: "swift-service-lifecycle") }
  static var log: Self { .product(name: "Logging", package: "swift-log") }
  static var metrics: Self { .product(name: "Metrics", package: "swift-metrics") }
  static var nio: Self { .product(name: "NIOCore", package: "swift-nio") }
  static var nioEmbedded: Self { .product(name: "NIOEmbedded", package: "swift-nio") }
  static var nioFoundation: Self { .product(name: "NIOFoundationCompat", package: "swift-nio") }
  static var nioHPACK: Self { .product(name: "NIOHPACK", package: "swift-nio-http2") }
  static var nioHTTP1: Self { .product(name: "NIOHTTP1", package: "swift-nio") }
  static var nioPosix: Self { .product(name: "NIOPosix", package: "swift-nio") }
  static var nioSSL: Self { .product(name: "NIOSSL", package: "swift-nio-ssl") }
  static var nioTLS: Self { .product(name: "NIOTLS", package: "swift-nio") }
  static var unixSignals: Self { .product(name: "UnixSignals", package: "swift-service-lifecycle") }
  static var serviceContext: Self { .product(name: "ServiceContextModule", package: "swift-service-context") }
  static var system: Self { .product(name: "SystemPackage", package: "swift-system") }
  static var yams: Self { .product(name: "Yams", package: "Yams") }
}
