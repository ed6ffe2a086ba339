//! Words, names and sequences that passwords are made of most often, in lower case and without disguises.

/// Separated by spaces and line ends.
pub(crate) const COMMON: &str = "
123 1234 12345 123456 1234567 12345678 123456789 1234567890 0123 0000 1111 2222 3333 4444 5555 6666 7777 8888 9999
123123 121212 112233 123321 654321 987654321 696969 789456 147258 159753 1qaz 2wsx 3edc 1q2w 1q2w3e 1q2w3e4r q1w2 a1b2
2020 2021 2022 2023 2024 2025 2026 2027 2028 2029 2030 1980 1985 1990 1995 2000
abc abcd abcde abcdef abcdefg abcdefgh abc123 aaaa asd asdf asdfg asdfgh asdfghjk zxcv zxcvb zxcvbn zxcvbnm
qwe qwer qwert qwerty qwertz qwertyui qwertyuiop azerty azertyuiop qazwsx qweasd qweasdzxc poiu lkjh mnbv
password passwort passwd passw pass passcode passphrase contrasena motdepasse senha parola haslo heslo salasana losen
wachtwoord geheim secret secrets hidden letmein opensesame access enter entry login logon signin signup welcome
willkommen bienvenue bienvenido hello hallo hola bonjour ciao goodbye changeme change default temporary temp guest
admin admins administrator adminadmin root toor superuser super user users username owner operator manager master
system server service support helpdesk office company corporate business internal external public private
test tests tester testing test123 demo example sample trial training student teacher school college university
computer laptop desktop internet network website email mail webmail gmail yahoo hotmail outlook google facebook
microsoft windows linux ubuntu apple iphone android samsung nokia azure cloud oracle cisco database mysql postgres
gatepost security secure safety protect firewall router switch wireless wifi bluetooth printer scanner
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
october november december spring summer autumn fall winter morning evening night today tomorrow yesterday
love iloveyou loveyou lovely lover forever sweetheart darling honey baby babygirl princess prince queen king angel
angels heaven devil demon ghost spirit jesus christ godbless bless blessed church faith hope grace
sunshine sunlight moonlight moon star stars starlight rainbow flower flowers rose roses daisy lily violet jasmine
butterfly ladybug bunny rabbit kitten kitty puppy doggy monkey dragon tiger lion panther leopard eagle eagles falcon
hawk wolf wolves bear bears shark dolphin dolphins turtle snake cobra viper spider scorpion phoenix unicorn horse
mustang stallion cowboy cowboys ranger rangers pirate pirates warrior warriors soldier knight ninja samurai hunter
killer slayer shadow silent storm thunder lightning fire flame blaze freedom liberty america england london paris
berlin madrid roma italia france germany espana brasil canada mexico china japan india russia boston chicago dallas
texas florida california newyork orlando phoenix1 denver austin houston toronto sydney
football futbol soccer baseball basketball hockey tennis golf golfer cricket rugby boxing racing runner swimmer
skater surfer fishing hunting cycling yankees lakers redsox steelers packers raiders giants arsenal liverpool chelsea
everton barcelona realmadrid juventus bayern manchester united
batman superman spiderman ironman starwars startrek pokemon pikachu naruto mario zelda sonic matrix hobbit gandalf
harry potter hermione voldemort simpsons homer bart snoopy mickey minnie donald pluto garfield
michael jordan michelle jennifer jessica ashley amanda daniel david andrew anthony joshua matthew robert thomas
william charlie charles george james joseph jason justin kevin brian brandon steven stephen richard patrick peter
nicole samantha stephanie elizabeth victoria alexander alexandra christian christopher martin maria marina laura
linda lisa anna hannah emma olivia sophia isabella amelia andrea angela barbara carlos miguel jose juan antonio
francisco mohamed mohammed ahmed ali123 oliver oscar lucas max123 felix leon sebastian benjamin samuel jacob nathan
tyler taylor jackson robin hunter1 maggie ginger pepper buster bailey rocky lucky sammy bella molly daisy1 coco
chocolate cookie cookies banana orange cherry peach apples strawberry cheese pizza coffee sugar vanilla
purple yellow green silver golden black white blue red123 orange1 crystal diamond jewel treasure money dollar
million rich lottery winner champion victory power strong energy magic wizard merlin dream dreams dreamer
happy smile smiley lucky7 friend friends family mother father sister brother daughter
trustno1 whatever nothing nobody anybody somebody something anything everything unknown
ferrari porsche mercedes toyota honda nissan yamaha suzuki harley davidson corvette camaro jaguar
guitar music rock metal metallica nirvana slipknot beatles eminem dance dancer disco party
";
