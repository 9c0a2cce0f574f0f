extension PostalCodeFormat {
  /// By country. Where there is none, a postal code is any short text: there are no codes, or we do not know them.
  static let formats: [String: PostalCodeFormat] = {
    var formats: [String: PostalCodeFormat] = [:]
    for (text, isRequired) in [(required, true), (optional, false)] {
      for line in text.split(separator: "\n") {
        // `AT BE DK: 9999` or `US: 99999, 99999-9999`
        let sides = line.split(separator: ":", maxSplits: 1)
        let patterns = sides[1].split(separator: ",").map { $0.drop { $0 == " " } }.map(String.init)
        for country in sides[0].split(separator: " ").map(String.init) {
          formats[country] = PostalCodeFormat(country: country, patterns: patterns, isRequired: isRequired)
        }
      }
    }
    return formats
  }()

  /// Where mail needs the code.
  private static let required = """
    AT AU BE CH DK HU LI LU NO NZ SI SJ ZA: 9999
    GL: 9999
    BR: 99999-999
    CA: a9a 9a9
    CN IN RO RU SG: 999999
    CZ GR SE SK: 999 99
    AX DE EE ES FI FR IT KR LT MX MY SM TR UA: 99999
    BL GF GP MF MQ NC PF PM RE WF YT: 99999
    GB: a9 9aa, a99 9aa, aa9 9aa, aa99 9aa, a9a 9aa, aa9a 9aa, BFPO 9, BFPO 99, BFPO 999, BFPO 9999, GIR 0AA
    GG: GY9 9aa, GY99 9aa
    IM: IM9 9aa, IM99 9aa
    JE: JE9 9aa, JE99 9aa
    FK GS IO PN SH TC: aaaa 9aa
    JP: 999-9999
    LV: LV-9999
    NL: 9999 aa
    PL: 99-999
    PT: 9999-999
    TW: 999, 99999, 999999
    AS FM GU MH MP PR PW US VI: 99999, 99999-9999
    """

  /// Where there are codes and mail comes without.
  private static let optional = """
    AF AL AZ BD BG CC CV CX CY ET GE GW HM HT LR MD MK MZ NE NF PH PY TN VE: 9999
    AD: AD999
    AI: AI-9999
    AM: 9999, 999999
    AR: 9999, a9999aaa
    BA BT CU DO DZ EG EH GT HN HR ID IQ JO KE KW LA LK MA MC ME MM MN: 99999
    MV NA NI NP PK SA SD SN TH UY VA XK ZM: 99999
    BB: BB99999
    BH: 999, 9999
    BM: aa xx
    BN: aa9999
    BY CO EC KG KZ NG TJ TM UZ: 999999
    CL: 9999999, 999-9999
    CR: 99999, 9999
    FO GN IS LS MG PG: 999
    GI: GX11 1AA
    IE: a99 xxxx, a9a xxxx
    IR: 99999-99999
    KH VN: 999999, 99999
    KY: KY9-9999
    LB: 9999 9999, 9999
    MT: aaa 9999, aaa 99
    MU: 99999, 999aa999
    OM: 999
    IL: 9999999, 99999
    PE: 99999, LIMA 99, LIMA 9, CALLAO 9, CALLAO 99
    RS: 99999, 999999
    SO: aa 99999
    SV: CP 9999
    SZ: a999
    TZ: 99999, 9999
    VC: VC9999
    VG: VG9999
    """
}
