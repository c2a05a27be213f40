"""Write the binary sample documents: two PDFs, a Word file, two workbooks and a slide deck.

The texts stand below, so that a change to a sample can be read in a diff. The files come out
byte for byte the same on every run: dates, identifiers and the order of parts are fixed.

    python tools/make_samples.py            # into knowledge_base/samples
    python tools/make_samples.py FOLDER     # somewhere else

Places, firms, people and telephone numbers are invented, so that no language model can know them.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
from docx.oxml.ns import qn
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from pptx import Presentation
from pptx.util import Pt
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import BaseDocTemplate, Frame, PageBreak, PageTemplate, Paragraph

SAMPLES = Path(__file__).resolve().parent.parent / "knowledge_base" / "samples"
WRITTEN = datetime(2025, 6, 2, 9, 0, 0)  # noqa: DTZ001 - the formats store a date without a zone
CHINESE_FONT = "STSong-Light"

Row = tuple[str | int | float, ...]


@dataclass(frozen=True)
class Block:
    """A heading of level 1 or 2, or a paragraph (level 0)."""

    level: int
    text: str


@dataclass(frozen=True)
class Manual:
    """A document of several pages; each page is light markup (see `blocks`)."""

    title: str
    author: str
    footer: str
    pages: tuple[str, ...]
    chinese: bool = False


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook; the first row is its header."""

    name: str
    rows: tuple[Row, ...]


MAKERSPACE = Manual(
    title="Tidewheel Makerspace: Safety Manual",
    author="Tidewheel Makerspace",
    footer="Tidewheel Makerspace, Safety Manual, version 7 - page {page} of {pages}",
    pages=(
        """
# Tidewheel Makerspace: Safety Manual

Version 7, valid from 1 February 2025. This manual hangs at every machine and is part of the
membership agreement.

## 1. Induction and access

Every new member attends a safety induction before the key fob is switched on. The induction is
held on the first Wednesday of the month at 18:00, takes 90 minutes and costs nothing. A fob opens
the front door from 7:00 to 23:00. Night permission, with which a member may stay until 2:00, is
given by the workshop warden after six months of membership. Each member may bring two guests at
a time; guests may watch, but may not operate a powered machine.

## 2. Green, yellow and red machines

Green machines may be used after the induction. Yellow machines require a signed instruction, which
is valid for two years. Red machines require a signed instruction and a second person in the same
room. The table saw, the lathe and the forge are red; the laser cutter and the bandsaw are yellow;
printers, sewing machines and the soldering bench are green.
""",
        """
## 3. Woodshop

Children under 12 are not admitted to the woodshop at any time. Young people from 12 to 16 may work
there only with a parent within arm's reach. Hearing protection is compulsory for everybody in the
room as soon as the planer runs. Gloves, scarves and loose sleeves are forbidden at every rotating
machine.

Boards shorter than 300 mm must not be fed through the planer. The bandsaw cuts up to a height of
210 mm. Painted or impregnated wood is not sawn in the shop at all, because its dust is poisonous.
The dust extractor stays on for five minutes after the last cut. Because of the neighbours, the
table saw and the planer are switched off at 21:00 on weekdays and at 18:00 on Sundays.

A blunt or damaged blade goes into the red tray beside the door with a note of the date. Only
the workshop warden, Osric Penhallow, changes the blades of red machines.
""",
        """
## 4. Laser cutter

PVC, vinyl and artificial leather must never be put into the laser cutter, because they give off
chlorine. The laser cuts plywood up to 8 mm and acrylic up to 10 mm. Whoever started a job stays
beside the machine until it has ended. The lid is opened no sooner than three minutes after the
last cut, when the fume filter has cleared the box. Laser time costs 0.40 crowns a minute for
members and 1.10 crowns a minute for visitors on an open day.

## 5. Printers and resin

Filament printers may run overnight with PLA only, and with a telephone number left on the pad.
Nitrile gloves and goggles are worn whenever a resin bottle is open. Leftover resin is cured under
the ultraviolet lamp for 20 minutes before it goes into the bin. A member may keep one print on the
shelf for 14 days; after that it is recycled.
""",
        """
## 6. When something goes wrong

The red mushroom buttons beside both doors cut the power of all machines at once. After an emergency
stop only the workshop warden or his deputy, Linnea Marsh, may switch the power on again. A carbon
dioxide extinguisher hangs beside the laser, and a foam extinguisher at the woodshop door. The
first-aid box is under the clock in the kitchen; the nearest defibrillator hangs in the porch of
the pharmacy at 11 Caulker Street. In a fire everybody leaves by the yard and meets at the bandstand
on Caulker's Green.

## 7. Reporting and breaches

Every accident and every near miss is reported within 24 hours, in the green book or by mail to
safety@tidewheel.example. At night the warden can be reached on 0417 226 11. A first breach of these
rules brings a written reminder. After a second breach within a year the fob is blocked for four
weeks, and after a third the membership ends.
""",
    ),
)

OBSERVATORY = Manual(
    title="星砾山观测站访客指南",
    author="星砾山观测站",
    footer="星砾山观测站访客指南　第 {page} 页，共 {pages} 页",
    chinese=True,
    pages=(
        """
# 星砾山观测站访客指南

2025年版，自3月15日起使用。星砾山观测站海拔2680米，由砾川大学管理，科研之余向公众开放。

## 一、开放时间与预约

白天参观的开放时间为周三至周日10:00至16:00，周一、周二设备检修，不接待访客。
夜间观星每周五、周六举行，夏季（5月至9月）20:30开始，冬季（10月至次年4月）19:00开始，
每场约两个半小时。
白天参观无需预约，夜间观星必须至少提前七天在网站上预约，每场限40人。
农历每月十三至十七月光太亮，不安排夜间观星。

## 二、票价

白天参观成人票为25元，夜间观星成人票为90元。
砾川市民凭身份证购买夜间票减20元，学生票一律半价，身高不足1.2米的儿童免票。
因阴雨取消的夜间场次，可以改期一次，也可以全额退款；访客自己不来的，票款不退。
""",
        """
## 三、观星须知

观测平台上禁止使用白光手电和手机闪光灯，入口处可以免费借用红光手电，押金为30元。
激光笔只有讲解员可以使用。
一号望远镜口径为80厘米，仅供科研；访客使用的是三号望远镜，口径35厘米，每人每次观看不超过两分钟。
自带望远镜的访客请到东侧草坪，那里有八个装有电源的基座，使用费每晚15元。
拍摄星空请使用三脚架，不得占用通道，无人机在全站范围内禁飞。

## 四、衣着与健康

夏夜山顶气温约为8度，冬夜可低至零下18度，请带足衣物；服务台出租羽绒大衣，每件每晚20元。
有严重心脏病、高血压的访客以及怀孕七个月以上的孕妇不宜上山。
服务台备有氧气瓶，不适时请立即告诉工作人员，值班医生为邵清和。
""",
        """
## 五、交通

接驳车从砾川北站东广场发车，周五、周六17:40一班，散场后30分钟返回，往返票价36元。
其余日子接驳车上午9:10发车，下午16:30返回。
自驾的访客请把车停在海拔2300米处的柏树坪停车场，停车费每天10元，从那里换乘电瓶车上山。
20:00以后柏树坪以上路段禁止社会车辆通行，以免车灯影响观测。
路面结冰或者风力超过七级时，上山道路封闭，预约访客会在当天15:00之前收到短信。

## 六、团体与联系方式

学校团体满20人可以申请免费讲解，须提前三周提交申请表，每20名学生至少由一位老师带队。
团体申请请联系公众教育部的柯予安，电话0629-7714-03，工作日9:00至17:00接听。
遗失物品在服务台保管60天，逾期捐给砾川市慈善商店。
""",
    ),
)

HANDBOOK_TITLE = "雾砚茶业员工手册"
HANDBOOK = """
适用于雾砚茶业有限公司总部、南坡茶厂及各门店的全体员工，2025年1月1日起执行，由人力资源部负责解释。

## 第一章　工作时间

总部员工的工作时间为周一至周五9:00至17:30，午休一小时。
南坡茶厂在采茶季（3月20日至5月31日）实行两班制，早班6:00至14:00，晚班14:00至22:00，
其余月份只上早班。
门店员工实行排班制，店长须在每月25日之前公布下月班表。
每月迟到三次以内且每次不超过10分钟的，不扣工资；超过的，每次扣30元。
总部员工每周可以居家办公一天，须在前一个工作日16:00之前告知主管；试用期员工不适用。

## 第二章　假期

工作满一年的员工每年享有7天带薪年假，满五年为12天，满十年为16天。
当年没有休完的年假可以顺延到次年3月31日，过期作废。
连续三天以上的年假须提前两周申请，采茶季期间茶厂员工原则上不休年假。
病假在两天以内的，只需告知主管；超过两天的，须提交医院证明。
员工生日当月可以休半天“茶歇假”，由主管批准即可。

## 第三章　差旅与报销

费用发生后30天内须提交报销单，超过60天的不予受理。
单笔超过2000元的支出须事先由部门经理批准，超过1万元的由财务总监闻人澈批准。
每月10日和25日为报销付款日。出差的住宿与伙食按下表执行，超出部分自理。

| 职级 | 一类城市住宿上限 | 其他城市住宿上限 | 每日伙食补贴 |
| 普通员工 | 380元 | 260元 | 80元 |
| 主管 | 450元 | 320元 | 100元 |
| 部门经理 | 600元 | 420元 | 120元 |
| 总监 | 850元 | 580元 | 150元 |

## 第四章　茶厂卫生与安全

进入炒制车间须戴发网、换工作鞋，不得佩戴首饰，也不得使用香水和护手霜。
杀青锅的锅温超过280度时必须两人在场。
鲜叶进厂后须在四小时内摊晾，摊晾厚度不超过三厘米。
发现茶叶混入异物的，应立即停线并通知质检主任苏砚秋，该批次封存待查。
工伤须在24小时内报告安全专员，电话0629-3360-18。

## 第五章　员工福利

员工购买本公司茶叶享受六五折，每人每季度的优惠额度为1500元。
每位员工每月可以领取口粮茶250克，茶厂员工为400克。
子女考上大学的员工，公司一次性奖励3000元。
"""

DECK_TITLE = "霁云剧社排练厅使用培训"
DECK_SUBTITLE = "新社员必修，2025年春季版　主讲：舞台监督 顾鸣岐"
DECK: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "预约与时段",
        (
            "排练厅每天分为三个时段：上午9:00至12:00，下午13:30至17:30，晚上18:30至22:00。",
            "大排练厅须提前十天预约，小排练厅提前三天即可。",
            "每个剧组每周最多占用四个时段，首演前两周放宽到七个时段。",
            "预约后不来又没有在前一天取消的，记缺席一次，累计三次停用一个月。",
        ),
    ),
    (
        "费用",
        (
            "社员剧组使用大排练厅，每个时段收费60元，小排练厅为25元。",
            "校外团体使用大排练厅，每个时段收费240元，小排练厅为110元。",
            "钢琴调律每学期一次，临时调律的费用为180元，由使用者承担。",
        ),
    ),
    (
        "灯光与道具",
        (
            "灯光总闸在舞台左侧的灰色配电箱内，只有持灯光证的社员可以操作。",
            "灯具连续使用三小时以后，必须关闭冷却15分钟。",
            "道具借出以七天为限，刀剑类道具不得带出剧社。",
            "排练厅内禁止使用明火和烟饼，烟雾效果只能用水基烟机。",
        ),
    ),
    (
        "安全与离场",
        (
            "大排练厅同时容纳的人数不得超过80人，小排练厅不得超过25人。",
            "搭建超过1.8米的布景，须戴安全帽，并由两人扶梯。",
            "离场前依次关灯、关空调、锁后门，钥匙交回一楼传达室的蓝色信箱。",
            "紧急情况请拨打舞台监督的电话0629-4402-57。",
        ),
    ),
)

# fmt: off
FERRY = (
    Sheet(
        "Timetable",
        (
            ("Line", "From", "To", "Days", "Departs", "Arrives", "Vessel", "Remarks"),
            ("S1", "Vessaby", "Little Skerrow", "Monday to Friday", "06:50", "07:35",
             "Kittiwake", "School crossing, no vehicles"),
            ("S1", "Vessaby", "Little Skerrow", "Saturday", "08:10", "08:55", "Kittiwake", ""),
            ("S1", "Vessaby", "Little Skerrow", "Sunday", "09:40", "10:25", "Kittiwake",
             "April to October only"),
            ("S2", "Vessaby", "Copt Head", "Monday to Saturday", "07:30", "09:05",
             "Brave Annet", ""),
            ("S2", "Vessaby", "Copt Head", "Sunday", "11:15", "12:50", "Brave Annet", ""),
            ("S2", "Copt Head", "Vessaby", "Monday to Saturday", "15:45", "17:20",
             "Brave Annet", ""),
            ("S3", "Vessaby", "Harrowmouth (mainland)", "Daily", "13:00", "16:10",
             "Earl of Orrin", "Vehicles check in 45 minutes before"),
            ("S3", "Vessaby", "Harrowmouth (mainland)", "Friday night", "21:45", "01:20",
             "Earl of Orrin", "Cabins must be booked by Wednesday"),
        ),
    ),
    Sheet(
        "Fares",
        (
            ("Ticket", "S1 and S2 single (crowns)", "S1 and S2 return (crowns)",
             "S3 single (crowns)", "Conditions"),
            ("Adult", 6.5, 11.5, 24, "Return valid for 30 days"),
            ("Child from 5 to 14", 3.2, 5.8, 12, "Under 5 free of charge"),
            ("Islander with card", 2.4, 4.2, 13, "Card from the harbour office, 8 crowns a year"),
            ("Bicycle", 1.5, 2.5, 4, "Ten places on each crossing"),
            ("Dog", 1.2, 2.2, 5, "On a lead; not in the saloon"),
            ("Car up to 5 metres", 19, 34, 58, "With the driver; not on Kittiwake"),
        ),
    ),
)

VEGETABLES = (
    Sheet(
        "本周菜价",
        (
            ("品名", "产地", "单位", "社员价（元）", "非社员价（元）", "供应日", "备注"),
            ("小青菜", "上坝村", "斤", 2.6, 3.4, "每天", "清晨采摘"),
            ("番茄", "柳墩大棚", "斤", 4.8, 6.2, "周二、周四、周六", "自然成熟，不催红"),
            ("本地豌豆尖", "石门坡", "把", 5.5, 7, "周六", "每户限购两把"),
            ("老南瓜", "石门坡", "个", 9, 12, "每天", "每个约四斤"),
            ("鲜玉米", "河湾组", "根", 1.8, 2.5, "周一、周四", "下单当天采收"),
            ("土鸡蛋", "河湾组", "十枚", 14.5, 18, "周二、周五", "破损包换，限两天内"),
            ("菌菇礼盒", "云背林场", "盒", 46, 58, "周五", "须提前三天预订"),
        ),
    ),
    Sheet(
        "取菜点",
        (
            ("取菜点", "地址", "平日取菜时间", "周日取菜时间", "负责人", "电话"),
            ("东门点", "槐湾路8号", "16:30至19:30", "9:00至11:30", "罗小满", "0629-1180-21"),
            ("渡口点", "渡口路市场北侧", "17:00至20:00", "不开放", "贺青竹", "0629-1180-22"),
            ("学苑点", "砾川大学南门", "11:30至13:00", "10:00至12:00", "丁阿福", "0629-1180-23"),
        ),
    ),
)
# fmt: on


def blocks(text: str, joiner: str) -> Iterator[Block | list[str]]:
    """Read light markup: `#` and `##` headings, paragraphs, and rows that begin with `|`.

    The lines of a paragraph are joined (Chinese without a space). A row is yielded as its cells.
    """
    for part in text.strip().split("\n\n"):
        lines = part.split("\n")
        if lines[0].startswith("|"):
            for line in lines:
                yield [cell.strip() for cell in line.strip("|").split("|")]
            continue
        mark, _, rest = lines[0].partition(" ")
        if mark in ("#", "##"):
            yield Block(len(mark), rest)
        else:
            yield Block(0, joiner.join(lines))


def styles(chinese: bool) -> dict[int, ParagraphStyle]:
    """Return the paragraph styles by heading level."""
    body, bold = (CHINESE_FONT, CHINESE_FONT) if chinese else ("Helvetica", "Helvetica-Bold")
    wrap = {"wordWrap": "CJK"} if chinese else {}
    return {
        0: ParagraphStyle("body", fontName=body, fontSize=11, leading=18, spaceAfter=8, **wrap),
        1: ParagraphStyle("title", fontName=bold, fontSize=20, leading=28, spaceAfter=14, **wrap),
        2: ParagraphStyle(
            "section", fontName=bold, fontSize=14, leading=20, spaceBefore=10, spaceAfter=6, **wrap
        ),
    }


def footer(manual: Manual) -> Callable[[Any, Any], None]:
    """Return what draws the foot of a page."""
    font = CHINESE_FONT if manual.chinese else "Helvetica"

    def draw(canvas: Any, page: Any) -> None:  # noqa: ANN401 - reportlab carries no types
        canvas.saveState()
        canvas.setFont(font, 9)
        text = manual.footer.format(page=page.page, pages=len(manual.pages))
        canvas.drawCentredString(A4[0] / 2, 12 * mm, text)
        canvas.restoreState()

    return draw


def pdf(manual: Manual) -> bytes:
    """Lay a manual out as a PDF with a text layer, one page for each of its parts."""
    if manual.chinese:
        pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    style = styles(manual.chinese)
    story: list[Any] = []
    for page in manual.pages:
        if story:
            story.append(PageBreak())
        parts = blocks(page, "" if manual.chinese else " ")
        story += [Paragraph(part.text, style[part.level]) for part in parts if type(part) is Block]
    target = io.BytesIO()
    layout = BaseDocTemplate(
        target, pagesize=A4, title=manual.title, author=manual.author, invariant=1,
        pageCompression=0,
    )  # fmt: skip
    margin = 24 * mm
    frame = Frame(margin, margin, A4[0] - 2 * margin, A4[1] - 2 * margin)
    layout.addPageTemplates([PageTemplate(frames=[frame], onPageEnd=footer(manual))])
    layout.build(story)
    return target.getvalue()


def word() -> bytes:
    """Write the staff handbook, with headings and a table."""
    document = docx.Document()
    normal = document.styles["Normal"]
    normal.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "宋体")
    document.add_heading(HANDBOOK_TITLE, level=0)
    table: Any = None
    for block in blocks(HANDBOOK, ""):
        if isinstance(block, Block):
            table = None
            if block.level:
                document.add_heading(block.text, level=1)
            else:
                document.add_paragraph(block.text)
            continue
        if table is None:
            table = document.add_table(rows=0, cols=len(block), style="Table Grid")
        for cell, text in zip(table.add_row().cells, block, strict=True):
            cell.text = text
    label(document.core_properties, HANDBOOK_TITLE, "雾砚茶业有限公司人力资源部")
    target = io.BytesIO()
    document.save(target)
    return settled(target.getvalue())


def workbook(title: str, author: str, sheets: tuple[Sheet, ...]) -> bytes:
    """Write the sheets of a workbook, each with a bold header row that stays in view."""
    book = Workbook()
    for leaf in list(book.worksheets):
        book.remove(leaf)
    for sheet in sheets:
        leaf = book.create_sheet(sheet.name)
        for row in sheet.rows:
            leaf.append([cell if cell != "" else None for cell in row])
        for cell in leaf[1]:
            cell.font = Font(bold=True)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        for index, column in enumerate(zip(*sheet.rows, strict=True), start=1):
            width = max(len(str(cell).encode("gb18030")) for cell in column[1:])
            leaf.column_dimensions[get_column_letter(index)].width = max(10, width + 2)
        leaf.freeze_panes = "A2"
    book.properties.title = title
    book.properties.creator = author
    book.properties.created = WRITTEN
    target = io.BytesIO()
    book.save(target)
    return settled(target.getvalue())


def slides() -> bytes:
    """Write the training deck: a title slide, then one slide for each subject."""
    deck = Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[0])
    first.shapes.title.text = DECK_TITLE
    first.placeholders[1].text = DECK_SUBTITLE
    for heading, points in DECK:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = heading
        frame = slide.placeholders[1].text_frame
        for number, point in enumerate(points):
            paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
            paragraph.text = point
            paragraph.font.size = Pt(24)
    label(deck.core_properties, DECK_TITLE, "霁云剧社")
    target = io.BytesIO()
    deck.save(target)
    return settled(target.getvalue())


def label(properties: Any, title: str, author: str) -> None:  # noqa: ANN401 - two libraries' own
    """Fill in the document properties of a Word file or a deck."""
    properties.title = title
    properties.author = author
    properties.last_modified_by = author
    properties.comments = ""
    properties.revision = 1
    properties.created = WRITTEN
    properties.modified = WRITTEN


def settled(package: bytes) -> bytes:
    """Return an Office package with every date in it fixed."""
    moment = WRITTEN.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + moment, data)
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            new.writestr(entry, data, compresslevel=9)
    return target.getvalue()


def build() -> dict[str, bytes]:
    """Return every binary sample by its file name."""
    return {
        "tidewheel-makerspace-safety.pdf": pdf(MAKERSPACE),
        "星砾山观测站访客指南.pdf": pdf(OBSERVATORY),
        "雾砚茶业员工手册.docx": word(),
        "skerrow-sound-ferry.xlsx": workbook(
            "Skerrow Sound Ferry: timetable and fares, summer 2025", "Skerrow Sound Ferry", FERRY
        ),
        "禾连合作社菜价表.xlsx": workbook("禾连合作社菜价表", "禾连合作社", VEGETABLES),
        "霁云剧社排练厅培训.pptx": slides(),
    }


def main(arguments: list[str]) -> int:
    """Write the samples into the folder that was named, or where they belong."""
    folder = Path(arguments[0]) if arguments else SAMPLES
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in build().items():
        (folder / name).write_bytes(data)
        sys.stdout.write(f"{name}: {len(data)} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
