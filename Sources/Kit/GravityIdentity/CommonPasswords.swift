/// Passwords that are guessed first, in lower case: those of eight characters or more as they are, and the shorter
/// words because people put digits around them. From what leaked lists have in common, over and over.
enum CommonPasswords {
  static let all = Set(
    """
    00000007 007bond007 01234567 012345678 0123456789 0987654321 10203040 102030405 1020304050 11111118 11112222
    11221122 11223344 1122334455 112233445566 12121212 123123123 123123abc 123321123 12341234 12344321 123454321
    1234554321 12345678 123456781 123456789 1234567890 12345678910 123456789a 123456789q 12345678a 12345678q 1234567a
    123456a 123456q 1234abcd 1234qwer 123abc 123qwe 123qwe123 123qweasd 12qwaszx 13131313 147258369 147852369
    159357258 159753456 19841984 19871987 19901990 19921992 1a2b3c4d 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx
    1qazxsw2 20002000 20202020 27182818 31415926 314159265 321654987 456789123 52013140 5201314520 55667788 69696969
    741852963 7654321 789456123 87654321 963852741 987654321 9876543210 99887766 a123456 a1234567 a12345678
    a123456789 a1b2c3d4 a1b2c3d4e5 aa123456 aaa111 aaaaaa1 abc123 abc12345 abc123456 abcd123 abcd1234 abcd@1234
    abcde12345 abcdef abcdefg abcdefgh abcdefghi abracadabra access accessdenied acdc1234 acmilan admin admin123
    admin1234 admin12345 admin@123 adminadmin administrator airforce alexander alexander1 alexandra alexis
    alhamdulillah alien123 allahuakbar alohomora amanda amanda1 amazinggrace amazon america american andrew andrew1
    android angel angel123 angelina angels anthony anthony1 anything apple123 apples argentina army1234 arsenal
    arsenal1 asdf1234 asdfasdf asdfgh asdfghjk asdfghjkl asdqwe123 ashley ashley1 asshole asshole1 australia autumn
    autumn123 avalanche avenger avengers azerty azertyuiop baby1234 babyboy babygirl babygirl1 backend badboy badgirl
    bailey bailey1 banana bangladesh barcelona bartsimpson baseball baseball1 basketball basketball1 batman batman123
    beatles beatles1 beautiful beauty beckham believe berlin beyonce bismillah bitch1 blah1234 blahblah blessed
    blessed1 blessing blink182 blizzard bobmarley boston brandon brandon1 brazil broncos bullshit bumblebee business
    business1 buster buster1 butterfly butterfly1 california california1 callofduty camaro canada captain carolina
    caroline changeit changeme changeme123 charizard charles charlie charlie1 cheese cheese1 chelsea chelsea1 cherry
    chevrolet chevy chicago chicago1 chicken chicken1 chocolate chocolate1 christ christ1 christian christina
    christine christmas christopher church cisco cisco123 coffee company company1 company123 computer confidential
    contrasena cookie cookie1 cookies correcthorsebatterystaple corvette counterstrike cowboys cowboys1 cricket
    crystal cupcake customer d123456 daniel daniel1 danielle darling darthvader database december default diamond
    diamond1 diamonds digimon disney disney1 docker dodgers dolphin dolphin1 dolphins donald donaldduck dragon
    dragon123 dragonball drummer drummer1 eagle eagles elizabeth elizabeth1 elvis elvispresley eminem eminem1
    employee enterprise espana everything facebook faith faith123 falcon falcons february ferrari finalfantasy
    finance football football1 football12 forever forever1 fortnite france freedom freedom1 friday frodo fuckoff
    fuckthis fuckyou fuckyou1 fuckyou2 galaxy gandalf ganesha gangsta gangster garfield gateway genesis george
    germany ginger godisgood godislove godzilla golden goldfish golfer golfing goodbye goodluck google google123
    gorgeous grace gravity gravity1 gravity123 greenday guest guestguest guitar guitar1 hamburger handsome hannah
    hannah1 happiness happy happy123 harley harleydavidson harrypotter heaven heavenly hello hello123 hello1234
    hellohello hellokitty helloworld helpdesk hermione hobbit hockey hockey1 hogwarts homer honda honda123 honey
    honeybee hottie hottie1 hulk hunter hunter1 hunter2 hurricane iamgod icecream ilovegod ilovejesus iloveme iloveu
    iloveu2 iloveyou iloveyou1 iloveyou123 iloveyou2 india123 india@123 indonesia internet iphone ironmaiden ironman
    italia itsme123 jaimatadi january jasmine jasmine1 jedimaster jennifer jennifer1 jessica jessica1 jesus jesus123
    jesuschrist joker jonasbrothers jordan jordan1 jordan23 joshua joshua1 justin justin1 justinbieber juventus
    kawasaki killer killer12 killer123 kingkong kisses kisskiss kobe24 krishna kubernetes ladybug lakers lakers24
    lamborghini leagueoflegends lebron lebron23 letmein letmein1 letmein123 letmeinnow liberty lightning linkinpark
    linux lion lionking liverpool liverpool1 login login123 london london123 love1234 lovelove lovely loveme loveme1
    lover loveyou loveyou1 lucky lucky123 lucky777 luigi m123456 madonna maggie maggie1 manager manager1 manchester
    manutd march2024 marijuana marines mario mario123 marketing marley master master123 masterkey matrix matthew
    matthew1 maverick maverick1 megatron mercedes mercedes1 messi messi10 metallica metallica1 mexico michael
    michael1 michaeljackson michaeljordan michelle michelle1 mickey mickeymouse microsoft midnight midnight1 military
    minecraft mohammed monday monkey monkey12 monkey123 monster monster1 moonlight motdepasse muhammad musician
    mustang mustang1 mylove mypassword mypassword1 mysql naruto naruto1 natalie natasha navyseal neo123 netflix
    newpass1 newpass123 newpassword newyork newyork1 nicole nicole1 nintendo nirvana nirvana1 nopassword notapassword
    nothing november november1 october office office123 oldpassword om123456 opensesame optimusprime oracle orange
    orange1 p4ssw0rd p4ssword p@$$w0rd p@ssw0rd p@ssw0rd1 p@ssw0rd123 p@ssword pa$$w0rd pa$$word pa55word packers
    pakistan pakistan1 panther panthers paris123 pass1234 pass12345 pass123456 pass@123 pass@1234 passpass passw0rd
    passw0rd! passw0rd1 passw0rd123 password password! password1 password12 password123 password1234 passwords
    passwort patriots peace peaceful peaches peanut peanut1 pepper pepper1 personal philippines phillies phoenix
    phoenix1 pikachu pimp1234 pimpin pizza12345 playboy playboy1 player player1 playstation pokemon pokemon1 porsche
    postgres postgresql prayer predator prince princess princess1 private private1 pumpkin pumpkin1 purple purple1
    q123456 q1234567 q12345678 q1w2e3r4 q1w2e3r4t5 qazwsx qazwsxedc qazxsw queen qwe123qwe qweasd qweasdzxc qweqweqwe
    qwer1234 qwerty qwerty123 qwerty1234 qwerty12345 qwerty@123 qwertyui qwertyuiop qwertz qwertzuiop rabbitmq
    raiders rainbow rainbow1 ranger rangers rasta realmadrid redis redskins redsox revelation richard richard1
    rihanna robert robert1 roblox rocknroll rockstar rockstar1 ronaldo ronaldo7 root root1234 rootroot rugby russia
    s123456 saibaba sairam sakura samantha samantha1 samsung sasuke saturday scooby scooby1 scoobydoo secret
    secret123 security security1 senha sephiroth september server service service1 sesame sexy1234 sexybitch sexygirl
    shadow shadow1 shadow12 shazam silver silver1 simpsons skywalker slipknot slipknot1 smile smiley smiling snoopy
    snoopy1 snowball snowman soccer soccer1 soccer12 softball soldier something sonic sonic123 spaghetti spider
    spiderman spiderman1 spongebob spongebob1 spotify spring spring123 spring2024 starcraft stardust stargate
    starlight startrek starwars starwars1 steelers steelers1 stephanie steven strawberry summer summer1 summer123
    summer2024 summer2025 sunday sunflower sunrise sunset sunshine sunshine1 sunshine123 supercalifragilistic
    superman superman1 superuser support support123 suzuki sweetheart sweetie sweetpea sweety swift swiftlang
    sysadmin system system32 teddybear temp1234 temporary tennis terminator test1234 test12345 test@123 tester
    testing testing123 testtest texas123 thisisme thomas thomas1 thuglife thunder thunder1 tiger tigers tigger toor
    topsecret tornado toshiba toyota transformers trinity trustno1 trustnoone tsunami twitter ubuntu universe user
    user1234 username usuario valentina valentine vanessa vanessa1 veronica victoria victoria1 virginia voldemort
    volleyball warcraft warhammer warrior warrior1 wasdwasd welcome welcome1 welcome1! welcome123 welcome@123
    whatever whatever1 whoami whoareyou william william1 windows windows10 winter winter123 winter2024 winter2025
    woaini1314 woaini520 wolverine x123456 xbox360 yamaha yankees yankees1 yellow yoda yourpassword youtube z123456
    zaq12wsx zaq1zaq1 zelda zxc123 zxcv1234 zxcvbn zxcvbnm zxcvbnm1
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}
