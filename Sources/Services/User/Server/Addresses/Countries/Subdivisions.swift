/// Regions by their ISO 3166-2 codes, for the countries in whose addresses a region is usual.
///
/// The codes are those of the standard; besides them `US-AA`, `US-AE` and `US-AP` for the forces' mail, and `IT-AO`, which
/// Italy still writes. Where a code was replaced the former one is taken too and the present one kept.
enum Subdivisions {
  /// - Returns: `US-CA` for `CA`, `us-ca` or `US-CA`; nil when the country has no such region.
  static func code(of text: String, in country: String) -> String? {
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    let upper = text.uppercased()
    let part = upper.hasPrefix("\(country)-") ? String(upper.dropFirst(country.count + 1)) : upper
    let present = former["\(country)-\(part)"] ?? part
    return table[country]?.contains(present) == true ? "\(country)-\(present)" : nil
  }

  static func areKnown(of country: String) -> Bool { table[country] != nil }
  /// Whether mail needs the region.
  static func areRequired(in country: String) -> Bool { required.contains(country) }
  /// Countries whose regions are known.
  static var countries: [String] { table.keys.sorted() }

  private static let required: Set = [
    "US", "CA", "AU", "BR", "MX", "IN", "JP", "CN", "IT", "ES", "KR", "ID", "AE", "CO",
  ]

  private static let former = [
    "IN-CT": "CG", "IN-OR": "OD", "IN-TG": "TS", "IN-UT": "UK", "MX-DIF": "CMX", "MX-DF": "CMX",
  ]

  private static let table: [String: Set<String>] = [
    "US": codes(
      """
      AA AE AK AL AP AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE NH \
      NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY
      """),
    "CA": codes(
      """
      AB BC MB NB NL NS NT NU ON PE QC SK YT
      """),
    "AU": codes(
      """
      ACT NSW NT QLD SA TAS VIC WA
      """),
    "BR": codes(
      """
      AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO
      """),
    "MX": codes(
      """
      AGU BCN BCS CAM CHH CHP CMX COA COL DUR GRO GUA HID JAL MEX MIC MOR NAY NLE OAX PUE QUE ROO SIN SLP SON TAB \
      TAM TLA VER YUC ZAC
      """),
    "IN": codes(
      """
      AN AP AR AS BR CG CH DH DL GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD PB PY RJ SK TN TR TS UK UP WB
      """),
    "JP": codes(
      """
      01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 \
      38 39 40 41 42 43 44 45 46 47
      """),
    "CN": codes(
      """
      AH BJ CQ FJ GD GS GX GZ HA HB HE HI HK HL HN JL JS JX LN MO NM NX QH SC SD SH SN SX TJ TW XJ XZ YN ZJ
      """),
    "IT": codes(
      """
      AG AL AN AO AP AQ AR AT AV BA BG BI BL BN BO BR BS BT BZ CA CB CE CH CL CN CO CR CS CT CZ EN FC FE FG FI FM FR \
      GE GO GR IM IS KR LC LE LI LO LT LU MB MC ME MI MN MO MS MT NA NO NU OR PA PC PD PE PG PI PN PO PR PT PU PV PZ \
      RA RC RE RG RI RM RN RO SA SI SO SP SR SS SU SV TA TE TN TO TP TR TS TV UD VA VB VC VE VI VR VT VV
      """),
    "ES": codes(
      """
      A AB AL AV B BA BI BU C CA CC CE CO CR CS CU GC GI GR GU H HU J L LE LO LU M MA ML MU NA O OR P PM PO S SA SE \
      SG SO SS T TE TF TO V VA VI Z ZA
      """),
    "KR": codes(
      """
      11 26 27 28 29 30 31 41 42 43 44 45 46 47 48 49 50
      """),
    "ID": codes(
      """
      AC BA BB BE BT GO JA JB JI JK JT KB KI KR KS KT KU LA MA MU NB NT PA PB PD PE PS PT RI SA SB SG SN SR SS ST SU \
      YO
      """),
    "AE": codes(
      """
      AJ AZ DU FU RK SH UQ
      """),
    "AR": codes(
      """
      A B C D E F G H J K L M N P Q R S T U V W X Y Z
      """),
    "MY": codes(
      """
      01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16
      """),
    "NG": codes(
      """
      AB AD AK AN BA BE BO BY CR DE EB ED EK EN FC GO IM JI KD KE KN KO KT KW LA NA NI OG ON OS OY PL RI SO TA YO ZA
      """),
    "ZA": codes(
      """
      EC FS GP KZN LP MP NC NW WC
      """),
    "CO": codes(
      """
      AMA ANT ARA ATL BOL BOY CAL CAQ CAS CAU CES CHO COR CUN DC GUA GUV HUI LAG MAG MET NAR NSA PUT QUI RIS SAN SAP \
      SUC TOL VAC VAU VID
      """),
    "CL": codes(
      """
      AI AN AP AR AT BI CO LI LL LR MA ML NB RM TA VS
      """),
  ]

  private static func codes(_ text: String) -> Set<String> { Set(text.split(separator: " ").map(String.init)) }
}
