#include <cctype>
#include <cstring>
#include <string>

std::string mail_domain(const char* address) {
    if (address == nullptr || *address == '\0') return "";
    std::string domain = std::strrchr(address, '@') + 1;
    for (char& c : domain) c = std::tolower((unsigned char)c);
    return domain;
}
